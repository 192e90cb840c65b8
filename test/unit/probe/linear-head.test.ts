import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fitLinear, likeliest, linearLogits } from '../../../src/probe/linear-head';

interface Case {
  readonly classes: number;
  readonly strength: number;
  readonly features: number[][];
  readonly labels: number[];
  readonly loss: number;
  readonly accuracy: number;
}

const cases = JSON.parse(readFileSync(join(import.meta.dirname, '../../oracle/linear-head.json'), 'utf8')) as Case[];

describe('the linear head', () => {
  it.each(cases)(
    'of $classes classes at C = $strength is that of scikit-learn',
    async ({ classes, strength, features, labels, loss, accuracy }) => {
      const rows = features.map((row) => Float32Array.from(row));
      const half = rows.length / 2;
      const head = await fitLinear({ rows: rows.slice(0, half), labels: labels.slice(0, half) }, classes, strength);
      expect(entropy(await linearLogits(head, rows.slice(0, half)), labels, classes)).toBeCloseTo(loss, 3);
      const told = likeliest(await linearLogits(head, rows.slice(half)), classes);
      const right = told.filter((label, i) => label === labels[half + i]).length / half;
      // One example at most may fall on the other side of the boundary.
      expect(Math.abs(right - accuracy)).toBeLessThanOrEqual(1 / half + 1e-9);
    },
  );
});

/** The mean cross-entropy in nats. */
function entropy(logits: Float32Array, labels: readonly number[], classes: number): number {
  const count = logits.length / classes;
  let sum = 0;
  for (let row = 0; row < count; row++) {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    sum += Math.log(own.reduce((total, x) => total + Math.exp(x), 0)) - own[labels[row]!]!;
  }
  return sum / count;
}
