import { describe, expect, it } from 'vitest';
import { countingSplit, create, FIRST_WORD, plain, rowsOf, special } from './fixtures';

describe('clm batches', () => {
  it('ask at every place for the next token, windows of the text once an epoch each', () => {
    const split = countingSplit(900);
    const instance = create({ type: 'clm', batchSize: 5, sequenceLength: 20 });
    const windows = Math.floor(split.tokenCount / 18);
    const seen: number[] = [];
    for (let step = 0; step < windows / 5; step++) {
      const { inputIds, labels } = instance.batch(split, step);
      const rows = rowsOf(inputIds!);
      expect(plain(labels!)).toEqual(rows.flatMap((row) => row.slice(1)));
      for (const row of rows) {
        expect([row[0], row.at(-1)]).toEqual([special.cls, special.sep]);
        expect(row.slice(1, -1)).toEqual(Array.from({ length: 18 }, (_, i) => row[1]! + i));
        seen.push(row[1]! - FIRST_WORD);
      }
    }
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: windows }, (_, window) => 18 * window));
  });
});
