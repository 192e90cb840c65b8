import { describe, expect, it } from 'vitest';
import { operators } from '../../../src/onnx/operators';
import { compareWithDifferences, gradients, weighted, type Precision } from '../support/differences';
import { Random, seedOfRun } from '../support/random';
import { growth, RandomGraph } from '../support/randomGraph';

const GRAPHS = 60;
const NODES = 12;

/** ONNX Runtime's CPU kernels of these know single precision only, or compute statistics in it. */
const SINGLE = new Set<string>(['Erf', 'Gelu', 'Softplus', 'LayerNormalization']);
/** Where differences mean nothing at some points. */
const SMALLEST_SHARE = 0.9;

function grow(seed: number, precision: Precision): RandomGraph {
  const graph = new RandomGraph(new Random(seed), precision);
  const choices = (Object.keys(growth) as (keyof typeof growth)[]).filter((op) => precision === 'float32' || !SINGLE.has(op));
  for (let i = 0; i < NODES; i++) graph.grow(graph.random.pick(choices));
  return graph;
}

describe(`random graphs (SEED=${seedOfRun})`, () => {
  it('have gradients that agree with central finite differences in double precision', async () => {
    const count = { compared: 0, passedOver: 0 };
    for (let seed = seedOfRun; seed < seedOfRun + GRAPHS; seed++) {
      const { random, values, feeds, constants } = grow(seed, 'float64');
      // Some values are used twice, some not at all.
      const { loss, weights } = weighted(random, values.slice(-4));
      const { compared, passedOver } = await compareWithDifferences(loss, feeds, [...constants, ...weights], 'float64', {
        kinks: true,
        label: `SEED=${seed}: `,
      });
      count.compared += compared;
      count.passedOver += passedOver;
    }
    expect(count.compared).toBeGreaterThan(8 * GRAPHS);
    expect(count.compared / (count.compared + count.passedOver)).toBeGreaterThan(SMALLEST_SHARE);
  }, 120_000);

  for (const precision of ['float64', 'float32'] as const) {
    it(`have the same gradients however they are written and optimised, in ${precision}`, async () => {
      const tolerance = precision === 'float64' ? 1e-6 : 1e-3;
      for (let seed = seedOfRun; seed < seedOfRun + GRAPHS; seed++) {
        const { random, values, feeds, constants } = grow(seed, precision);
        const { loss, weights } = weighted(random, values.slice(-4));
        const all = [...feeds, ...constants, ...weights];
        const reference = await gradients(loss, feeds, all, { optimisation: 'disabled' });
        for (const options of [{ optimisation: 'all' }, { target: 'cpu' }, { target: 'multicore', threads: 2 }] as const) {
          const others = await gradients(loss, feeds, all, options);
          reference.forEach((part, i) => {
            const largest = Math.max(1, ...part.map(Math.abs));
            const worst = Math.max(0, ...part.map((value, j) => Math.abs(value - others[i]![j]!)));
            expect(worst, `SEED=${seed}, input ${i}, ${JSON.stringify(options)}`).toBeLessThan(tolerance * largest);
          });
        }
      }
    }, 120_000);
  }

  it('are made of every operator through which a gradient flows', () => {
    const rules = Object.entries(operators).flatMap(([op, row]) => (row.gradient ? [op] : []));
    // A cast between precisions and a sign (zero everywhere) have nothing for differences to find.
    expect(rules.filter((op) => !(op in growth)).sort()).toEqual(['Cast', 'Sign']);
  });
});
