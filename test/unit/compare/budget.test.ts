import { describe, expect, it } from 'vitest';
import { costOf, describeBudget, scientific, stepsFor } from '../../../src/compare/budget';
import { workersFor, threadsFor } from '../../../src/compare/pool';
import type { ComparisonPlan } from '../../../src/compare/plan';
import { flopCosts } from '../../../src/train/cost';
import { Plan } from '../../../src/train/plan';
import { ExperimentSchema } from '../../../src/train/experiment';
import { create } from '../objectives/fixtures';
import { still } from '../train/small-training';

const mlm = create({ type: 'mlm', batchSize: 4, sequenceLength: 16 }, { config: still });
const contrastive = (gradientCache: number) =>
  create({ type: 'contrastive', batchSize: 8, sequenceLength: 16, gradientCache }, { config: still });

describe('a budget', () => {
  const inTurns = (steps: number): Plan => new Plan([mlm, contrastive(0)], { kind: 'alternate', ratio: { mlm: 3, contrastive: 1 } }, steps);
  const costs = new Map([
    ['mlm', 10],
    ['contrastive', 50],
  ]);

  it('pays for steps as the plan takes them', () => {
    expect(costOf(inTurns(8), 8, costs)).toBe(6 * 10 + 2 * 50);
    const steps = stepsFor({ tokens: 1000 }, inTurns, costs, 'x');
    expect(costOf(inTurns(steps), steps, costs)).toBeLessThanOrEqual(1000);
    expect(costOf(inTurns(steps), steps + 1, costs)).toBeGreaterThan(1000 - 50);
  });

  it('is never overspent where phases end between two steps', () => {
    const phases = (steps: number): Plan =>
      new Plan(
        [mlm, contrastive(0)],
        {
          kind: 'phases',
          phases: [
            { objectives: ['mlm'], share: 0.37 },
            { objectives: ['contrastive'], share: 0.63 },
          ],
        },
        steps,
      );
    for (const tokens of [777, 1000, 12_345]) {
      const steps = stepsFor({ tokens }, phases, costs, 'x');
      const spent = costOf(phases(steps), steps, costs);
      expect(spent).toBeLessThanOrEqual(tokens);
      expect(spent).toBeGreaterThan(tokens - 150);
    }
  });

  it('that is too small names what a step costs', () => {
    expect(() => stepsFor({ flops: 100 }, inTurns, costs, 'x')).toThrow('`budget` pays for 5 steps of "x", at 2 × 10¹ FLOP a step.');
    expect([describeBudget({ seconds: 90 }), scientific(5e12)]).toEqual([
      '90 seconds of training each, by a measurement of the step',
      '5 × 10¹²',
    ]);
  });
});

describe('the cost of a step', () => {
  const flops = (...instances: Parameters<typeof planOf>): number => [...flopCosts(still, planOf(...instances)).values()][0]!;
  const planOf = (...instances: (typeof mlm)[]): Plan => new Plan(instances, { kind: 'sum' }, 10);

  it('is the sum of its objectives, and that of a gradient cache one forward pass more', () => {
    expect(flops(mlm, contrastive(0))).toBe(flops(mlm) + flops(contrastive(0)));
    const [plain, cached] = [flops(contrastive(0)), flops(contrastive(4))];
    expect(cached / plain).toBeGreaterThan(1.25);
    expect(cached / plain).toBeLessThan(1.45);
  });
});

describe('the pool', () => {
  const experiment = (training: object) => ExperimentSchema.parse({ objectives: [{ type: 'mlm' }], training }) as never;
  const plan = (training: object, memory?: number): Pick<ComparisonPlan, 'variants' | 'executor' | 'members'> => ({
    variants: [
      { name: 'a', slug: 'a', experiment: experiment(training), steps: 10, flops: 1, tokens: 1, parameters: 1e6, memory, vocabulary: '' },
    ],
    executor: { kind: 'local' },
    members: Array.from({ length: 20 }, (_, i) => ({ id: `m${i}`, variant: 'a', seed: i })),
  });

  it('shares the cores, bears no more members than fit the memory, and one on a graphics card', () => {
    expect(threadsFor({ kind: 'local' }, experiment({}), 2, 8)).toBe(4);
    expect(threadsFor({ kind: 'local' }, experiment({}), 20, 8)).toBe(1);
    expect(workersFor(plan({ threads: 2 }), { cores: 8, memory: 64e9 })).toBe(4);
    expect(workersFor(plan({ threads: 1 }, 4e9), { cores: 8, memory: 9e9 })).toBe(2);
    expect(workersFor(plan({ device: 'cuda', threads: 1 }), { cores: 8, memory: 64e9 })).toBe(1);
  });
});
