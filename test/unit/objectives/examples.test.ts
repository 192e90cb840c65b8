import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requireDocuments, requireExamples } from '../../../src/objectives/demands';
import { drawExamples, type Examples } from '../../../src/objectives/examples';
import { hash32 } from '../../../src/shared/random';
import { splitOf } from './fixtures';

const order =
  (seed: number) =>
  (epoch: number): number =>
    hash32(seed, epoch);
/** The numbers 0 … count − 1, of which some are no examples, and some have the same text. */
const numbers = (count: number, valid: (i: number) => boolean = () => true, text: (i: number) => number = (i) => i): Examples<number> => ({
  count,
  get: (i) => (valid(i) ? i : undefined),
  texts: (i) => [Int32Array.of(text(i))],
});

describe('the examples of a batch', () => {
  it('come once an epoch each, in an order of its own', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 2, max: 6 }), fc.nat(), (batch, steps, seed) => {
        const count = batch * steps;
        const epoch = (number: number): number[] =>
          Array.from({ length: steps }, (_, step) =>
            drawExamples(numbers(count), batch, (number * steps + step) * batch, order(seed)),
          ).flat();
        const all = Array.from({ length: count }, (_, i) => i);
        expect(epoch(0).sort((a, b) => a - b)).toEqual(all);
        expect(epoch(5).sort((a, b) => a - b)).toEqual(all);
      }),
    );
    const orders = Array.from({ length: 10 }, (_, epoch) => drawExamples(numbers(20), 20, 20 * epoch, order(3)).join());
    expect(new Set(orders).size).toBe(10);
  });

  it('go over the end of an epoch', () => {
    const drawn = Array.from({ length: 5 }, (_, step) => drawExamples(numbers(10), 4, 4 * step, order(2))).flat();
    for (const epoch of [0, 1]) expect(new Set(drawn.slice(10 * epoch, 10 * epoch + 8)).size).toBe(8);
    expect(drawn).toHaveLength(20);
  });

  it('have no text twice while there are others, and none that will not do', () => {
    const examples = numbers(
      100,
      (i) => i % 3 > 0,
      (i) => i % 20,
    );
    for (let step = 0; step < 50; step++) {
      const drawn = drawExamples(examples, 16, 16 * step, order(1));
      expect(drawn).toHaveLength(16);
      expect(drawn.every((i) => i % 3 > 0)).toBe(true);
      expect(new Set(drawn.map((i) => i % 20)).size).toBe(16);
    }
  });

  it('have no text twice, be it the first of one example and the second of another', () => {
    const chain: Examples<number> = { count: 40, get: (i) => i, texts: (i) => [Int32Array.of(i), Int32Array.of(i + 1)] };
    for (let step = 0; step < 50; step++) {
      const drawn = drawExamples(chain, 8, 8 * step, order(4));
      expect(new Set(drawn.flatMap((i) => [i, i + 1])).size).toBe(16);
    }
  });

  it('come twice only where there are too few', () => {
    const drawn = drawExamples(
      numbers(30, undefined, (i) => i % 3),
      5,
      0,
      order(1),
    );
    expect(drawn).toHaveLength(5);
    expect(new Set(drawn.map((i) => i % 3)).size).toBe(3);
  });
});

describe('what a batch takes', () => {
  const demand = { objective: 'nsp', least: 3, what: 'things', hint: 'Add things.' };
  const split = (name: 'train' | 'heldOut', documents = 4) => splitOf(new Array<number[][]>(documents).fill([[5]]), { name });
  const some = (valid: number) => (part: { name: string }) => numbers(10, (i) => part.name === 'train' || i < valid);

  it('must be there in both parts of the corpus', () => {
    const both = [split('train'), split('heldOut')];
    expect(() => requireExamples(both, some(3), demand)).not.toThrow();
    expect(() => requireExamples(both, some(2), demand)).toThrow(/held-out part has 2 things.*a batch of "nsp" takes 3/);
    expect(() => requireDocuments(both, demand)).not.toThrow();
    expect(() => requireDocuments([split('train', 2), split('heldOut')], demand)).toThrow(/training part has 2 things/);
  });
});
