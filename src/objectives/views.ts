import { hash32, permute } from '../shared/random';
import type { Split } from '../text/dataset';
import { tableOf } from '../text/table';
import type { Vocabulary } from '../text/vocabulary';
import { augment, type Augmentation } from './augment';
import { drawExamples, type Examples } from './examples';

/** Where the texts of an example come from. */
export type Positives =
  | { readonly from: 'dropout' | 'adjacent' | 'pairs' | 'triplets' | 'scored' }
  | ({ readonly from: 'augment'; readonly synonyms: number } & Augmentation);

/** Texts of an example that are encoded. */
export const viewCount = ({ from }: Positives): number => (from === 'triplets' ? 3 : 2);

/** What an example is made of, for people. */
export const exampleName = ({ from }: Positives): string =>
  from === 'dropout' || from === 'augment'
    ? `sentences of ${SHORTEST} tokens or more`
    : from === 'adjacent'
      ? `pairs of neighbouring sentences of ${SHORTEST} tokens or more`
      : `rows in the file of ${from}`;

/** Sentences shorter than this say too little to be told apart. */
const SHORTEST = 4;

interface Example {
  readonly texts: readonly Int32Array[];
  readonly score: number;
}

export interface DrawOptions {
  readonly batch: number;
  readonly length: number;
  /** Number of the first example in the order of visits. */
  readonly first: number;
  readonly order: (epoch: number) => number;
  /** From which all that is random in the views follows. */
  readonly key: number;
  readonly vocabulary: Vocabulary;
  /** Places in each text at which synonyms may stand. */
  readonly replaced: number;
}

export interface DrawnViews {
  /** [views·N, T], first texts first. */
  readonly inputIds: Float64Array;
  readonly attentionMask: Float64Array;
  /** [views·N, replaced]: places for synonyms, and which of them are used. */
  readonly slots: Float64Array;
  readonly replaces: Float64Array;
  /** [N] */
  readonly scores: Float64Array;
}

/** The texts of a batch as the encoder reads them. */
export function drawViews(split: Split, positives: Positives, options: DrawOptions): DrawnViews {
  const { batch, length, first, order, key, vocabulary, replaced } = options;
  const { cls, sep, pad } = vocabulary.special;
  const views = viewCount(positives);
  const examples = drawExamples(examplesOf(split, positives, length - 2), batch, first, order);
  const rows = views * batch;
  const drawn: DrawnViews = {
    inputIds: new Float64Array(rows * length).fill(pad),
    attentionMask: new Float64Array(rows * length),
    slots: new Float64Array(rows * replaced),
    replaces: new Float64Array(rows * replaced),
    scores: Float64Array.from(examples, ({ score }) => score),
  };
  examples.forEach(({ texts }, i) => {
    for (let view = 0; view < views; view++) {
      const row = view * batch + i;
      const own = hash32(key, row);
      const text = positives.from === 'augment' ? augment(texts[view]!, positives, own) : texts[view]!;
      drawn.inputIds.set([cls, ...text, sep], row * length);
      drawn.attentionMask.fill(1, row * length, row * length + text.length + 2);
      if (positives.from !== 'augment') continue;
      const count = Math.min(replaced, Math.round(positives.synonyms * text.length));
      for (let slot = 0; slot < count; slot++) {
        drawn.slots[row * replaced + slot] = 1 + permute(slot, text.length, own);
        drawn.replaces[row * replaced + slot] = 1;
      }
    }
  });
  return drawn;
}

/** Examples with their texts cut to `most` tokens. */
export function examplesOf(split: Split, { from }: Positives, most: number): Examples<Example> {
  const sentence = (index: number): Int32Array | undefined => {
    const tokens = split.sentence(index).subarray(0, most);
    return tokens.length < SHORTEST ? undefined : tokens;
  };
  switch (from) {
    case 'dropout':
    case 'augment':
      return {
        count: split.sentenceCount,
        get: (index) => {
          const text = sentence(index);
          return text && { texts: [text, text], score: 0 };
        },
        texts: ({ texts }) => texts.slice(0, 1),
      };
    case 'adjacent':
      return {
        count: split.sentenceCount,
        get: (index) => {
          const [, end] = split.sentencesOf(split.documentOf(index));
          if (index + 1 === end) return undefined;
          const [a, b] = [sentence(index), sentence(index + 1)];
          return a && b && { texts: [a, b], score: 0 };
        },
        texts: ({ texts }) => texts,
      };
    case 'pairs':
    case 'triplets':
    case 'scored': {
      const table = tableOf(split, 'contrastive');
      const columns = from === 'triplets' ? ['a', 'b', 'c'] : ['a', 'b'];
      return {
        count: table.rows,
        get: (row) => ({ texts: columns.map((column) => table.tokens(row, column).subarray(0, most)), score: table.score(row) }),
        // Scored pairs may share a text: nothing is a negative of anything there.
        texts: ({ texts }) => (from === 'scored' ? [] : texts),
      };
    }
  }
}
