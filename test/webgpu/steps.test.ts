import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Combination } from '../../src/experiment/sections';
import { serialise } from '../../src/onnx/serialise';
import { probeGraph } from '../../src/train/compile';
import { Session } from '../../src/train/device';
import type { TrainingDevice } from '../../src/train/stepper';
import { objectives as registry } from '../../src/objectives';
import { tinyModel } from '../unit/objectives/fixtures';
import { SmallTraining, snapshot, type Objective } from '../unit/train/small-training';

const STEPS = 5;
const RATE = 0.003;
const small = (type: string): Objective => ({ type, batchSize: 4, sequenceLength: 24 });
const sum: Combination = { kind: 'sum' };

const CASES: [string, Objective[], Combination, recompute?: boolean][] = [
  ...registry.map(({ type }): [string, Objective[], Combination] => [type, [small(type)], sum]),
  ['layers that are computed again', [small('mlm')], sum, true],
  ['a queue of negatives', [{ ...small('contrastive'), queue: 16 }], sum],
  ['a gradient cache', [{ ...small('contrastive'), gradientCache: 2 }], sum],
  [
    'a sum whose weights move',
    [
      { ...small('mlm'), weight: { from: 1, to: 0.2 } },
      { ...small('nsp'), weight: 0.5 },
    ],
    sum,
  ],
  ['objectives in turns', [small('mlm'), small('nsp')], { kind: 'alternate', ratio: { mlm: 1, nsp: 1 } }],
];

/** While there is a session, what is compiled for one serves the next: SwiftShader takes seconds over it. */
let open: Session;
beforeAll(async () => {
  open = await Session.create(serialise(probeGraph()), { provider: 'webgpu' });
});
afterAll(() => open.release());

async function trained(objectives: readonly Objective[], combination: Combination, recompute: boolean, device: TrainingDevice) {
  const training = await SmallTraining.start(objectives, { config: tinyModel, combination, recompute, device });
  const scalars = [];
  for (let step = 0; step < STEPS; step++) scalars.push(new Map(await training.step(step, RATE)));
  await training.download();
  const { parameters, optimiser, buffers } = training.state;
  const tensors = new Map([parameters, optimiser, buffers].flatMap((part) => [...snapshot(part)]));
  await training.release();
  return { scalars, tensors };
}

describe.each(CASES)('steps on WebGPU: %s', (_, objectives, combination, recompute = false) => {
  it('agree with the CPU, dropout and all', async () => {
    const expected = await trained(objectives, combination, recompute, {});
    const actual = await trained(objectives, combination, recompute, { provider: 'webgpu' });
    // Sums in another order differ in the last of 24 bits, and losses of some steps in 1e-6 of themselves at most; parameters by what AdamW makes of that.
    expected.scalars.forEach((scalars, step) => {
      const other = actual.scalars[step]!;
      expect([...other.keys()].sort()).toEqual([...scalars.keys()].sort());
      for (const [name, value] of scalars) expect(Math.abs(other.get(name)! / value - 1), `${name}, step ${step}`).toBeLessThan(1e-5);
    });
    for (const [name, data] of expected.tensors) {
      // Softmax does not feel the keys' biases: their gradient is rounding alone, of which AdamW makes steps of full length.
      if (name.endsWith('key.bias')) continue;
      const other = actual.tensors.get(name)!;
      const farthest = data.reduce((most, value, i) => Math.max(most, Math.abs(other[i]! - value)), 0);
      expect(farthest, name).toBeLessThan(RATE / 100);
    }
  });
});
