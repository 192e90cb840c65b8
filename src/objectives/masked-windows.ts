import type { Split } from '../text/dataset';
import type { Vocabulary } from '../text/vocabulary';
import { maskSequence, type MaskingOptions } from './masking';
import { normalised } from './scoring';
import { windowAt } from './windows';

/** Windows of the token stream with tokens hidden, as a batch. */
export interface MaskedWindows {
  /** [B, T] before and after. */
  readonly originalIds: Float64Array;
  readonly inputIds: Float64Array;
  /** [B, S]: the hidden places. */
  readonly slots: Float64Array;
  /** [B·S]: what stood there. */
  readonly labels: Float64Array;
  /** [B·S], adding up to 1: of all hidden places, and of those that show [MASK]. */
  readonly weights: Float64Array;
  readonly maskedWeights: Float64Array;
}

/**
 * @param length tokens of a window, [CLS] and [SEP] among them
 * @param most slots of a window
 * @param key from which what is hidden in a row follows
 */
export function maskWindows(
  split: Split,
  windows: readonly number[],
  {
    length,
    most,
    masking,
    vocabulary,
    key,
  }: { length: number; most: number; masking: MaskingOptions; vocabulary: Vocabulary; key: (row: number) => number },
): MaskedWindows {
  const [originalIds, inputIds] = [new Float64Array(windows.length * length), new Float64Array(windows.length * length)];
  const perSlot = (value: number): Float64Array => new Float64Array(windows.length * most).fill(value);
  // Slots left over (a window of special tokens has fewer candidates, a falling rate hides less) look at [CLS] and weigh nothing.
  const [slots, labels, weights, maskedWeights] = [perSlot(0), perSlot(vocabulary.special.cls), perSlot(0), perSlot(0)];
  windows.forEach((window, row) => {
    const ids = windowAt(split, window, length, vocabulary.special);
    const masked = maskSequence(ids, masking, vocabulary, key(row));
    originalIds.set(ids, row * length);
    inputIds.set(masked.inputIds, row * length);
    masked.hidden.forEach(({ position, label, replacement }, i) => {
      const slot = row * most + i;
      slots[slot] = position;
      labels[slot] = label;
      weights[slot] = 1;
      maskedWeights[slot] = replacement === 'mask' ? 1 : 0;
    });
  });
  return { originalIds, inputIds, slots, labels, weights: normalised(weights), maskedWeights: normalised(maskedWeights) };
}
