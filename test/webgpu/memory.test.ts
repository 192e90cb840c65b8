import { afterEach, expect, it, vi } from 'vitest';
import type { ParameterSpec } from '../../src/model/parameters';
import { input } from '../../src/onnx/graph';
import * as ops from '../../src/onnx/ops';
import { filled } from '../../src/onnx/types';
import { Session, type Resident } from '../../src/train/device';
import { residentStepper } from '../../src/train/resident-stepper';
import { TrainingState } from '../../src/train/state';
import type { GradientOptions } from '../../src/train/step';
import { optimiser } from '../unit/train/small-training';

const SIDE = 256;
const [WARM_UP, STEPS] = [15, 110];
/** Steps after which the state is brought back, as for a checkpoint. */
const SAVED_EVERY = 10;

afterEach(() => vi.restoreAllMocks());

/** One matrix: a large state, and few kernels, each of which takes SwiftShader its time. */
const weight: ParameterSpec = { name: 'w', shape: [SIDE, SIDE], start: 0.01, decays: true };
const losses: GradientOptions = {
  specs: [weight],
  losses: (parameters) => [
    { name: 'square', weight: 1, loss: ops.reduceSumSquare(ops.matMul(input('x', 'float32', [4, SIDE]), parameters('w'))) },
  ],
};

it('memory does not grow with the steps of a resident state', async () => {
  const runs = vi.spyOn(Session.prototype, 'run');
  const state = new TrainingState([weight]);
  (state.parameters.get('w')!.data as Float32Array).fill(0.01);
  const held = [...state.parameters.values(), ...state.optimiser.values()];
  const bytes = held.reduce((sum, { data }) => sum + data.byteLength, 0);
  const stepper = await residentStepper(losses, optimiser, state, { provider: 'webgpu' }, () => 0);
  const feeds = new Map([['x', filled('float32', [4, SIDE], 1)]]);
  const train = async (from: number, to: number): Promise<number> => {
    let loss = NaN;
    for (let step = from; step < to; step++) {
      const [scalars] = await stepper.steps([{ feeds, t: [step + 1], learningRate: 1e-5 }]);
      loss = scalars!.get('loss:square')!;
      if (step % SAVED_EVERY === 0) await stepper.download();
    }
    return loss;
  };
  /** Buffers of the GPU that runs have given out and nobody has let go of. */
  const live = (): number =>
    runs.mock.calls
      .flatMap(([, , resident]) => [...((resident as Map<string, Resident & { location: string }> | undefined)?.values() ?? [])])
      .filter(({ location }) => location !== 'none').length;

  await stepper.upload();
  const first = await train(0, WARM_UP);
  const before = process.memoryUsage.rss();
  const last = await train(WARM_UP, WARM_UP + STEPS);
  const grown = process.memoryUsage.rss() - before;
  expect(last).toBeLessThan(first);
  expect(live()).toBe(held.length);
  // The GPU is in software: its buffers are memory of this process.
  expect(grown).toBeLessThan(0.2 * STEPS * bytes);
  await stepper.release();
  expect(live()).toBe(0);
});
