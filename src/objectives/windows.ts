import { hash32, permute } from '../shared/random';
import type { Split } from '../text/dataset';
import type { SpecialTokens } from '../text/tokenizer';
import { tooSmall } from './demands';

/** Windows of a token stream, one beside the other: content that [CLS] and [SEP] fill up to `length`. */
export const windowCount = (split: Split, length: number): number => Math.floor(split.tokenCount / (length - 2));

/** [CLS], the tokens of a window, [SEP]. */
export function windowAt(split: Split, window: number, length: number, { cls, sep }: SpecialTokens): Int32Array {
  const sequence = new Int32Array(length);
  sequence[0] = cls;
  sequence.set(split.tokens(window * (length - 2), length - 2), 1);
  sequence[length - 1] = sep;
  return sequence;
}

/** The windows of a step's batch: each epoch visits all of them once, in an order of its own. */
export function windowsOf(split: Split, length: number, batch: number, step: number, key: number): number[] {
  const count = windowCount(split, length);
  return Array.from({ length: batch }, (_, row) => {
    const visit = step * batch + row;
    return permute(visit % count, count, hash32(key, Math.floor(visit / count)));
  });
}

/** The windows of a held-out batch. The key is not the experiment's seed: runs with different seeds are judged on the same text. */
export function heldOutWindows(split: Split, length: number, batch: number, index: number, key: number): number[] {
  const count = windowCount(split, length);
  return Array.from({ length: batch }, (_, row) => permute((index * batch + row) % count, count, key));
}

/** Sees to it that there is a window in both parts. */
export function checkWindows(objective: string, length: number): (train: Split, heldOut: Split) => void {
  return (train, heldOut) => {
    const short = [train, heldOut].find((split) => windowCount(split, length) < 1);
    if (!short) return;
    throw tooSmall(
      short,
      `${short.tokenCount} tokens`,
      `one sequence of "${objective}" takes ${length - 2}`,
      'Add text, or lower "sequenceLength".',
    );
  };
}
