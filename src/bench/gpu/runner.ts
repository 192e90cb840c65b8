import { createStepper, type StepInput, type TrainingDevice } from '../../train/stepper';
import { BATCHES, type BenchmarkModel, LEARNING_RATE, OPTIMISER } from '../workload';
import type { Precision } from '../../shared/types';

export type Device = 'cuda' | 'cpu';

/** Trains a model on a device, any number of steps in one run of the session. */
export interface Runner {
  /** The losses of the next steps. */
  run(steps: number): Promise<number[]>;
  release(): Promise<void>;
}

/** On the GPU, or on the processor in the same way. */
export const makeRunner = (model: BenchmarkModel, device: Device, precision: Precision): Promise<Runner> =>
  runnerOn(model, { provider: device, precision, scan: true });

export async function runnerOn(model: BenchmarkModel, device: TrainingDevice): Promise<Runner> {
  const stepper = await createStepper(model.losses, OPTIMISER, model.state, device);
  // Ready in memory, as the twin's are: their making is not timed.
  const batches = Array.from({ length: BATCHES }, (_, step) => model.batch(step));
  let count = 0;
  const next = (): StepInput => ({ feeds: batches[count % BATCHES]!, t: [++count], learningRate: LEARNING_RATE });
  return {
    async run(steps) {
      const scalars = await stepper.steps(Array.from({ length: steps }, next));
      return scalars.map((each) => each.get('loss:total')!);
    },
    release: () => stepper.release(),
  };
}
