import { describe, expect, it } from 'vitest';
import type { Combination } from '../../../src/experiment/sections';
import type { Tensors } from '../../../src/train/gradients';
import type { TrainingDevice } from '../../../src/train/stepper';
import { objectives as registry } from '../../../src/objectives';
import { tinyModel } from '../objectives/fixtures';
import { isShort } from '../../../src/train/scan-stepper';
import { SmallTraining, type Objective } from './small-training';

const RATE = 0.003;
const mlm = { type: 'mlm', batchSize: 2, sequenceLength: 16 };
const small = (type: string): Objective => ({ type, batchSize: 4, sequenceLength: 24 });

interface Case {
  readonly objectives: readonly Objective[];
  readonly combination?: Combination;
  readonly recompute?: boolean;
}

const sum: Combination = { kind: 'sum' };
const CASES: [string, Case][] = [
  ...registry.map(({ type }): [string, Case] => [type, { objectives: [small(type)] }]),
  ['layers that are computed again', { objectives: [mlm], recompute: true }],
  ['a queue of negatives', { objectives: [{ ...small('contrastive'), queue: 16 }] }],
  [
    'a sum whose weights move',
    {
      objectives: [
        { ...mlm, weight: { from: 1, to: 0.2 } },
        { ...small('contrastive'), weight: 0.5 },
      ],
      combination: sum,
    },
  ],
  [
    'objectives in turns',
    {
      objectives: [mlm, small('nsp')],
      combination: {
        kind: 'phases',
        phases: [
          { share: 0.5, objectives: ['mlm'] },
          { share: 0.5, objectives: ['nsp'] },
        ],
      },
    },
  ],
];

/** The bits of all that training changes. */
const bitsOf = (tensors: Tensors): [string, Uint8Array][] =>
  [...tensors].map(([name, { data }]) => [name, new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()]);

/** Steps in these groups, and all that comes of them. */
async function trained(
  { objectives, combination = sum, recompute = false }: Case,
  device: TrainingDevice,
  groups: readonly (readonly number[])[],
) {
  const training = await SmallTraining.start(objectives, { config: tinyModel, combination, recompute, steps: 12, device });
  const scalars = [];
  for (const group of groups) scalars.push(...(await training.steps(group, RATE)));
  await training.release();
  const { parameters, optimiser, buffers } = training.state;
  return { scalars: scalars.map((each) => [...each].sort()), bits: [parameters, optimiser, buffers].map(bitsOf) };
}

describe.each(CASES)('several steps in one run: %s', (_, options) => {
  it.each(['all', 'disabled'] as const)(
    'equal as many single steps bit for bit, with dropout, optimised by the runtime: %s',
    async (optimisation) => {
      const single = await trained(
        options,
        { optimisation },
        Array.from({ length: 12 }, (__, step) => [step]),
      );
      // Half of the twelve steps train the second set where there are two.
      const groups = [[0], [1, 2, 3], [4, 5], [6, 7, 8, 9, 10], [11]];
      expect(await trained(options, { optimisation, scan: true }, groups)).toEqual(single);
    },
  );
});

describe('a step that does not stay on its device', () => {
  it('is told of, once for all sets of objectives, and is done all the same', async () => {
    const options = CASES.at(-1)![1];
    const start = (device: TrainingDevice): Promise<SmallTraining> => SmallTraining.start(options.objectives, { ...options, device });
    // Here the runtime has nothing but the CPU to give nodes to, and so refuses every one of them.
    const strict = await start({ scan: true, onDevice: true });
    const lenient = await start({ scan: true });
    expect([...strict.notices]).toEqual([expect.stringContaining('computed on the CPU')]);
    expect([...lenient.notices]).toEqual([]);
    expect(await strict.steps([0, 1], RATE)).toEqual(await lenient.steps([0, 1], RATE));
    await strict.release();
    await lenient.release();
  });
});

describe('runs become longer', () => {
  // What a run takes where crossing takes `a` and a step `b` milliseconds.
  const run = (steps: number, a: number, b: number) => ({ steps, milliseconds: a + b * steps });

  it('while they take less than 0.4 s', () => {
    expect(isShort(run(4, 10, 50), undefined)).toBe(true);
    expect(isShort(run(8, 10, 50), run(4, 10, 50))).toBe(false);
  });

  it('where nothing is known of crossing yet, unless they would take more than 5 s', () => {
    expect(isShort(run(1, 200, 300), undefined)).toBe(true);
    expect(isShort(run(1, 200, 2_500), undefined)).toBe(false);
  });

  it('while more than a twentieth of them goes into crossing, and they would take at most 5 s', () => {
    expect(isShort(run(2, 200, 300), run(1, 200, 300))).toBe(true);
    expect(isShort(run(16, 200, 300), run(8, 200, 300))).toBe(false);
    expect(isShort(run(8, 600, 300), run(4, 600, 300))).toBe(false);
  });
});
