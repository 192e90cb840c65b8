import { describe, expect, it } from 'vitest';
import { counterDropout } from '../../../src/model/dropout';
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
