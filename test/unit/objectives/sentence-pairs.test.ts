import { describe, expect, it } from 'vitest';
import type { Batch } from '../../../src/objectives/objective';
import type { Split } from '../../../src/text/dataset';
import { create, mean, plain, randomDocuments, rowsOf, special, splitOf, sum } from './fixtures';

interface Pair {
  readonly first: number[];
  readonly second: number[];
  readonly label: number;
}

const LENGTH = 48;

/** The pairs of a batch; fails unless they are [CLS] A [SEP] B [SEP] with segments 0 and 1, padded. */
function pairsOf(batch: Batch): Pair[] {
  const [masks, segments, labels] = [rowsOf(batch.attentionMask!), rowsOf(batch.tokenTypeIds!), plain(batch.labels!)];
  return rowsOf(batch.inputIds!).map((row, i) => {
    const length = sum(masks[i]!);
    const middle = row.indexOf(special.sep);
    expect(row[0]).toBe(special.cls);
    expect(row[length - 1]).toBe(special.sep);
    expect(row.filter((id) => id === special.sep)).toHaveLength(2);
    expect(row.slice(length).every((id) => id === special.pad)).toBe(true);
    expect(masks[i]!.every((value, k) => value === Number(k < length))).toBe(true);
    expect(segments[i]!.every((value, k) => value === Number(k > middle && k < length))).toBe(true);
    return { first: row.slice(1, middle), second: row.slice(middle + 1, length - 1), label: labels[i]! };
  });
}

const drawn = (type: 'nsp' | 'sop', split: Split, steps: number, { batchSize = 16, seed = 1 } = {}): Pair[] => {
  const instance = create({ type, batchSize, sequenceLength: LENGTH }, { seed });
  return Array.from({ length: steps }, (_, step) => pairsOf(instance.batch(split, step))).flat();
};

/** Where a stretch stands: its document and its first and last sentence; fails unless it is one of whole sentences. */
function placesOf(split: Split): (stretch: readonly number[]) => { document: number; from: number; to: number } {
  const starts = new Map(Array.from({ length: split.sentenceCount }, (_, i) => [split.sentence(i).slice(0, 3).join(), i]));
  return (stretch) => {
    const from = starts.get(stretch.slice(0, 3).join())!;
    let [to, length] = [from, 0];
    for (; length < stretch.length; to++) length += split.sentence(to).length;
    expect(length).toBe(stretch.length);
    expect(stretch).toEqual(Array.from({ length: to - from }, (_, i) => [...split.sentence(from + i)]).flat());
    return { document: split.documentOf(from), from, to: to - 1 };
  };
}

const sentenceLength = (key: number): number => 4 + (key % 8);
const long = splitOf(randomDocuments(12, () => 30, sentenceLength));
const followed = ({ label }: Pair): boolean => label === 0;

describe('pairs of sentences', () => {
  for (const type of ['nsp', 'sop'] as const) {
    it(`have each answer in half of every batch, in an order that tells nothing: ${type}`, () => {
      const instance = create({ type, batchSize: 16, sequenceLength: LENGTH });
      const labels = Array.from({ length: 200 }, (_, step) => plain(instance.batch(long, step).labels!));
      for (const each of labels) expect(sum(each)).toBe(8);
      for (let row = 0; row < 16; row++) expect(Math.abs(mean(labels.map((each) => each[row]!)) - 0.5)).toBeLessThan(0.15);
      expect(new Set(labels.map(String)).size).toBeGreaterThan(190);
    });

    it(`are stretches of whole sentences within the length of a sequence: ${type}`, () => {
      const placeOf = placesOf(long);
      for (const { first, second } of drawn(type, long, 20)) {
        placeOf(first);
        placeOf(second);
        expect(first.length + second.length).toBeLessThanOrEqual(LENGTH - 3);
      }
    });

    it(`begin at every sentence that another follows, once an epoch: ${type}`, () => {
      const placeOf = placesOf(long);
      const pairs = drawn(type, long, 45, { batchSize: 8 });
      const starts = pairs.map(({ first, second, label }) => placeOf(type === 'sop' && label === 1 ? second : first).from);
      const counts = new Map<number, number>();
      for (const start of starts) counts.set(start, (counts.get(start) ?? 0) + 1);
      // 12 of the 360 sentences are the last of their document; others take their places.
      expect(counts.size).toBe(348);
      expect(starts.every((start) => (start + 1) % 30 > 0)).toBe(true);
    });

    it(`cut a sentence that is longer than its room: ${type}`, () => {
      const wordy = splitOf(
        randomDocuments(
          4,
          () => 6,
          () => 100,
        ),
      );
      for (const { first, second } of drawn(type, wordy, 4)) {
        expect(first).toHaveLength(22);
        expect(second).toHaveLength(22);
      }
    });
  }
});

describe('next-sentence prediction', () => {
  it('has what follows in the document, or a stretch of another one', () => {
    const placeOf = placesOf(long);
    const negatives = new Set<number>();
    for (const pair of drawn('nsp', long, 60)) {
      const [a, b] = [placeOf(pair.first), placeOf(pair.second)];
      if (followed(pair)) {
        expect(b.document).toBe(a.document);
        expect(b.from).toBe(a.to + 1);
      } else {
        expect(b.document).not.toBe(a.document);
        negatives.add(b.document);
      }
    }
    expect(negatives.size).toBe(12);
  });

  it('is refused where a part of the corpus has one document alone, where the order of sentences can still be asked for', () => {
    const alone = splitOf(randomDocuments(1, () => 40, sentenceLength));
    const check = (type: string) => () => create({ type }).check(long, { ...alone, name: 'heldOut' });
    expect(check('nsp')).toThrow(/held-out part has 1 documents/);
    expect(check('sop')).not.toThrow();
  });
});

describe('sentence-order prediction', () => {
  it('has two stretches that follow each other, in order or swapped', () => {
    const placeOf = placesOf(long);
    for (const pair of drawn('sop', long, 40)) {
      const [a, b] = followed(pair) ? [pair.first, pair.second] : [pair.second, pair.first];
      expect(placeOf(b)).toMatchObject({ document: placeOf(a).document, from: placeOf(a).to + 1 });
    }
  });
});

/** The best that a guess by the lengths alone can do, judged on pairs that it was not made from: a table of answers by both lengths, in tens. */
function guessedByLength(pairs: readonly Pair[]): number {
  const cell = ({ first, second }: Pair): string => [first, second].map(({ length }) => Math.floor(length / 6)).join();
  const votes = new Map<string, number>();
  const half = pairs.length / 2;
  for (const pair of pairs.slice(0, half)) votes.set(cell(pair), (votes.get(cell(pair)) ?? 0) + (followed(pair) ? 1 : -1));
  return mean(pairs.slice(half).map((pair) => Number((votes.get(cell(pair)) ?? 0) > 0 === followed(pair))));
}

describe('the lengths of two stretches', () => {
  const corpora = {
    'long documents': long,
    'short documents': splitOf(randomDocuments(80, () => 4, sentenceLength)),
    'documents of all lengths': splitOf(randomDocuments(60, (document) => [2, 3, 5, 40][document % 4]!, sentenceLength)),
  };
  for (const type of ['nsp', 'sop'] as const) {
    for (const [name, split] of Object.entries(corpora)) {
      it(`do not give the answer away: ${type}, ${name}`, () => {
        const pairs = drawn(type, split, 250, { seed: 5 });
        const lengths = (which: 'first' | 'second', label: number): number =>
          mean(pairs.filter((pair) => pair.label === label).map((pair) => pair[which].length));
        for (const which of ['first', 'second'] as const)
          expect(Math.abs(lengths(which, 0) / lengths(which, 1) - 1), which).toBeLessThan(0.06);
        expect(guessedByLength(pairs)).toBeLessThan(0.56);
      });
    }
  }
});
