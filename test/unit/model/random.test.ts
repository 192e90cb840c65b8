import { describe, expect, it } from 'vitest';
import { counterDropout, sampleTokens } from '../../../src/model/random';
import { grad } from '../../../src/onnx/grad';
import * as ops from '../../../src/onnx/ops';
import { hash32 } from '../../../src/shared/random';
import { evaluate, fed } from '../support/evaluate';

const [rows, columns] = [256, 96];

/** The mask drawn for a key at a site, as 0 and 1. */
async function draw(key: number, rate: number, site = 'here'): Promise<number[]> {
  const [x, k] = [fed('float32', [rows, columns], new Array<number>(rows * columns).fill(1)), fed('uint32', [], [key])];
  const values = await evaluate(new Map([['y', counterDropout(k.value)(x.value, rate, site)]]), [x, k]);
  return values.get('y')!.map((value) => {
    expect(value === 0 || Math.abs(value - 1 / (1 - rate)) < 1e-6).toBe(true);
    return value === 0 ? 0 : 1;
  });
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const correlation = (a: readonly number[], b: readonly number[]): number => {
  const [ma, mb] = [mean(a), mean(b)];
  return (
    mean(a.map((value, i) => (value - ma) * (b[i]! - mb))) /
    Math.sqrt(mean(a.map((v) => (v - ma) ** 2)) * mean(b.map((v) => (v - mb) ** 2)))
  );
};

describe('counter-based dropout', () => {
  it('drops the rate asked for: overall, in every row and in every column', async () => {
    for (const rate of [0.1, 0.5]) {
      const mask = await draw(hash32(1, 2), rate);
      const deviation = Math.sqrt(rate * (1 - rate));
      expect(Math.abs(mean(mask) - (1 - rate))).toBeLessThan((4 * deviation) / Math.sqrt(mask.length));
      for (let row = 0; row < rows; row++)
        expect(Math.abs(mean(mask.slice(row * columns, (row + 1) * columns)) - (1 - rate))).toBeLessThan(
          (5.5 * deviation) / Math.sqrt(columns),
        );
      for (let column = 0; column < columns; column++) {
        expect(Math.abs(mean(mask.filter((_, i) => i % columns === column)) - (1 - rate))).toBeLessThan(
          (5.5 * deviation) / Math.sqrt(rows),
        );
      }
    }
  });

  it('draws unrelated masks at other keys and other sites', async () => {
    const mask = await draw(7, 0.3);
    const bound = 4.5 / Math.sqrt(mask.length);
    expect(Math.abs(correlation(mask, await draw(8, 0.3)))).toBeLessThan(bound);
    expect(Math.abs(correlation(mask, await draw(7, 0.3, 'there')))).toBeLessThan(bound);
  });

  it('draws neighbouring rows and columns independently', async () => {
    const mask = await draw(11, 0.5);
    const bound = 4.5 / Math.sqrt(mask.length);
    for (const lag of [1, 2, columns, 2 * columns, columns + 1])
      expect(Math.abs(correlation(mask.slice(lag), mask.slice(0, -lag)))).toBeLessThan(bound);
  });

  it('draws the same mask for the same key and site', async () => {
    expect(await draw(7, 0.3)).toEqual(await draw(7, 0.3));
  });

  it('sends gradients through the mask it drew', async () => {
    const [x, k] = [
      fed(
        'float32',
        [4, 8],
        Array.from({ length: 32 }, (_, i) => i + 1),
      ),
      fed('uint32', [], [3]),
    ];
    const y = counterDropout(k.value)(x.value, 0.4, 'here');
    const [g] = grad(ops.reduceSum(y), [x.value]);
    const values = await evaluate(
      new Map([
        ['y', y],
        ['g', g!],
      ]),
      [x, k],
    );
    values.get('g')!.forEach((slope, i) => expect(slope * (i + 1)).toBeCloseTo(values.get('y')![i]!, 4));
    expect(new Set(values.get('g')!.map((value) => value === 0)).size).toBe(2);
  });
});

describe('tokens drawn from a softmax', () => {
  const softmax = (logits: readonly number[]): number[] => {
    const weights = logits.map(Math.exp);
    return weights.map((weight) => weight / weights.reduce((a, b) => a + b, 0));
  };
  const draws = async (logits: readonly number[], count: number, key: number, site = 'here'): Promise<number[]> => {
    const [x, k] = [fed('float32', [1, logits.length], logits), fed('uint32', [], [key])];
    const rows = ops.expand(x.value, [count, logits.length]);
    return (await evaluate(new Map([['y', sampleTokens(k.value, rows, site)]]), [x, k])).get('y')!;
  };
  /** Pearson's statistic of counts against what was expected, in standard deviations from its mean. */
  const surprise = (drawn: readonly number[], likelihoods: readonly number[]): number => {
    const counts = likelihoods.map(() => 0);
    for (const token of drawn) counts[token]!++;
    const statistic = likelihoods.reduce(
      (sum, likelihood, i) => sum + (counts[i]! - drawn.length * likelihood) ** 2 / (drawn.length * likelihood),
      0,
    );
    return (statistic - (likelihoods.length - 1)) / Math.sqrt(2 * (likelihoods.length - 1));
  };

  for (const [name, logits] of Object.entries({
    'two tokens': [0, 1],
    'six tokens': [-2, 0, 0.5, 1, 2, 2.5],
    'sixty tokens': Array.from({ length: 60 }, (_, i) => Math.sin(i) * 1.5),
    'equal ones': new Array<number>(30).fill(7),
  })) {
    it(`come as often as it says: ${name}`, async () => {
      const drawn = (await Promise.all([1, 2, 3, 4].map((key) => draws(logits, 25_000, hash32(9, key))))).flat();
      expect(drawn.every((token) => Number.isInteger(token) && token >= 0 && token < logits.length)).toBe(true);
      expect(Math.abs(surprise(drawn, softmax(logits)))).toBeLessThan(4.5);
    });
  }

  it('come as often as it says in a vocabulary of thousands', async () => {
    const logits = Array.from({ length: 3000 }, (_, i) => 4 * Math.sin(i * i));
    const likelihoods = softmax(logits);
    const drawn = (await Promise.all([1, 2, 3].map((key) => draws(logits, 3000, hash32(8, key))))).flat();
    // Together with those of like logits: each token alone is too rare to be counted.
    const group = (token: number): number => Math.floor(logits[token]! + 4);
    const groups = Array.from({ length: 8 }, (_, g) => likelihoods.reduce((sum, each, token) => sum + (group(token) === g ? each : 0), 0));
    expect(Math.abs(surprise(drawn.map(group), groups))).toBeLessThan(4.5);
  });

  it('are independent of those in other rows', async () => {
    const drawn = await draws([0, 0.3], 60_000, 5);
    for (const lag of [1, 2, 7])
      expect(Math.abs(correlation(drawn.slice(lag), drawn.slice(0, -lag)))).toBeLessThan(4.5 / Math.sqrt(drawn.length));
  });

  it('are a pure function of key and site', async () => {
    const logits = [0, 1, 0.5];
    const drawn = await draws(logits, 200, 3);
    expect(await draws(logits, 200, 3)).toEqual(drawn);
    expect(await draws(logits, 200, 4)).not.toEqual(drawn);
    expect(await draws(logits, 200, 3, 'there')).not.toEqual(drawn);
  });

  it('are the likeliest ones where nothing else is likely, however large the logits', async () => {
    expect(new Set(await draws([-1e4, 50, 1e4, 9000], 500, 6))).toEqual(new Set([2]));
  });
});
