import { describe, expect, it } from 'vitest';
import type { Combination } from '../../../src/experiment/sections';
import type { Instance } from '../../../src/objectives';
import type { Ramp } from '../../../src/objectives/ramp';
import { keyOf, Plan, tokensOf } from '../../../src/train/plan';

const instance = (type: string, weight: Ramp = 1, tokens = 0): Instance => ({ type, weight, tokens }) as Instance;
const [a, b, c] = [instance('a'), instance('b'), instance('c')];

/** The objectives of every step, by their key. */
const keys = (instances: readonly Instance[], combination: Combination, steps: number): string[] => {
  const plan = new Plan(instances, combination, steps);
  return Array.from({ length: steps }, (_, step) => keyOf(plan.at(step).map((part) => part.instance)));
};
const setsOf = (instances: readonly Instance[], combination: Combination): string[] => new Plan(instances, combination, 10).sets.map(keyOf);

describe('a sum', () => {
  it('trains all objectives in every step, with their weights', () => {
    const plan = new Plan([instance('a', 2), instance('b', 0.5)], { kind: 'sum' }, 3);
    for (const step of [0, 1, 2])
      expect(plan.at(step).map(({ instance: { type }, weight }) => [type, weight])).toEqual([
        ['a', 2],
        ['b', 0.5],
      ]);
    expect(plan.sets.map(keyOf)).toEqual(['a+b']);
  });
});

describe('alternating', () => {
  it('gives each step to one objective, spread as evenly as can be', () => {
    expect(keys([a, b], { kind: 'alternate', ratio: { a: 1, b: 1 } }, 6).join('')).toBe('ababab');
    expect(keys([a, b], { kind: 'alternate', ratio: { a: 3, b: 1 } }, 8).join('')).toBe('aabaaaba');
    expect(keys([a, b, c], { kind: 'alternate', ratio: { a: 4, b: 2, c: 1 } }, 7).join('')).toBe('abacaba');
  });

  it.each([
    { a: 3, b: 1 },
    { a: 5, b: 7 },
    { a: 1, b: 1, c: 1 },
    { a: 10, b: 3, c: 2 },
    { a: 997, b: 1, c: 2 },
  ])('keeps to the ratio %o: exactly in every cycle, and none is ever a turn ahead', (ratio) => {
    const total = Object.values(ratio).reduce((x, y) => x + y, 0);
    const turns = keys(
      Object.keys(ratio).map((type) => instance(type)),
      { kind: 'alternate', ratio },
      3 * total,
    );
    for (const [type, times] of Object.entries(ratio)) {
      let count = 0;
      turns.forEach((turn, step) => {
        if (turn === type) count++;
        expect(count - ((step + 1) * times) / total, `${type} after step ${step}`).toBeLessThan(1);
        if ((step + 1) % total === 0) expect(count).toBe((times * (step + 1)) / total);
      });
    }
  });

  it('has a set of its own for each objective', () => {
    expect(setsOf([a, b, c], { kind: 'alternate', ratio: { a: 4, b: 2, c: 1 } })).toEqual(['a', 'b', 'c']);
  });
});

describe('phases', () => {
  const phases = (...list: [objectives: string[], share: number][]): Combination => ({
    kind: 'phases',
    phases: list.map(([objectives, share]) => ({ objectives, share })),
  });

  it('follow each other, each for its share of the steps', () => {
    const expected = [...Array<string>(6).fill('a'), ...Array<string>(3).fill('a+b'), 'b'];
    expect(keys([a, b], phases([['a'], 0.6], [['a', 'b'], 0.3], [['b'], 0.1]), 10)).toEqual(expected);
  });

  it('share out steps that do not divide evenly, with none left over', () => {
    const thirds = keys([a, b, c], phases([['a'], 1 / 3], [['b'], 1 / 3], [['c'], 1 / 3]), 10).join('');
    expect(thirds).toBe('aaabbbbccc');
    // 0.1 + 0.2 is a little more than 0.3.
    expect(keys([a, b, c], phases([['a'], 0.1], [['b'], 0.2], [['c'], 0.7]), 10).join('')).toBe('abbccccccc');
  });

  it('train the last one beyond the last step, should the shares be rounded down', () => {
    const plan = new Plan([a, b], phases([['a'], 0.5], [['b'], 0.4999991]), 1_000_000);
    expect(plan.at(999_999)[0]!.instance).toBe(b);
  });

  it('have one set where the same objectives come again, in whatever order they are written', () => {
    expect(setsOf([a, b], phases([['a'], 0.25], [['a', 'b'], 0.25], [['b', 'a'], 0.25], [['a'], 0.25]))).toEqual(['a', 'a+b']);
  });
});

describe('a weight', () => {
  it('moves in a straight line from its value at the first step to that at the last', () => {
    const plan = new Plan([instance('a', { from: 1, to: 0 }), instance('b', { from: 0, to: 8 })], { kind: 'sum' }, 5);
    const weights = [0, 1, 2, 3, 4].map((step) => plan.at(step).map(({ weight }) => weight));
    expect(weights).toEqual([
      [1, 0],
      [0.75, 2],
      [0.5, 4],
      [0.25, 6],
      [0, 8],
    ]);
  });

  it('begins at its first value in a run of one step', () => {
    expect(new Plan([instance('a', { from: 2, to: 5 })], { kind: 'sum' }, 1).at(0)[0]!.weight).toBe(2);
  });
});

it('the tokens of a set are those of its objectives together', () => {
  expect(tokensOf([instance('a', 1, 1024), instance('b', 1, 512)])).toBe(1536);
});
