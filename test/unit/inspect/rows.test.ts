import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openModel } from '../../../src/inspect/model';
import { negativeLogLikelihoods } from '../../../src/inspect/rows';

it.each(['bert', 'mpnet'])('%s: a row may ask for any number of places', async (family) => {
  const model = openModel(join('test/oracle/families', family));
  const ids = Int32Array.from({ length: model.context - 4 }, (_, i) => 10 + ((7 * i) % 50));
  const row = (from: number, to: number) => {
    const slots = [...ids.keys()].slice(from, to);
    return { ids, slots, labels: slots.map((slot) => ids[slot]!) };
  };
  expect(ids.length).toBeGreaterThan(16);
  const [whole] = await negativeLogLikelihoods(model, [row(0, ids.length)]);
  const parts = [...Array(Math.ceil(ids.length / 5)).keys()].map((i) => row(5 * i, 5 * i + 5));
  const pieces = (await negativeLogLikelihoods(model, parts)).flatMap((each) => [...each]);
  expect(whole).toHaveLength(ids.length);
  pieces.forEach((loss, i) => expect(loss).toBeCloseTo(whole![i]!, 4));
});
