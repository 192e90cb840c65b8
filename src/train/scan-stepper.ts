import { type Input, inputsOf } from '../onnx/graph';
import { serialiseScan } from '../onnx/scan';
import { serialise } from '../onnx/serialise';
import { filled, size, type Tensor } from '../onnx/types';
import { Session, staysOnDevice, targetOf, type SessionOptions } from './device';
import { nextBuffers } from './gradients';
import type { TrainingState } from './state';
import { compileStep, nextName, scheduleFeeds, updatedNames, type GradientOptions } from './step';
import type { GroupOf, OptimiserOptions, StepInput, Stepper } from './stepper';

/** Runs that take less than this, in milliseconds, are followed by longer ones: a stop is prompt all the same. */
const SHORT_RUN = 400;
/** Where the state takes long to cross, a run may take up to this, in milliseconds, … */
export const LONGEST_RUN = 5_000;
/** … until crossing is at most this share of it. */
const MOST_CROSSING = 0.05;
/** Bytes of batches that one run is fed with, at most. */
const MOST_BATCHES = 2 ** 26;
const STRAYS =
  'A part of the training step has no kernel on the device and is computed on the CPU, which makes steps slower. This should not be: please report it with your experiment.';

/**
 * Many steps in one run, by a `Scan` whose state is the parameters, their moments and the objectives' buffers, and whose scanned inputs are batches and
 * the optimiser's scalars.
 *
 * ONNX Runtime's binding for Node cannot leave tensors on a CUDA device between two runs. So the state, 12 bytes a parameter, crosses to the device and
 * back in every run, and in between stays there: of a run of K steps, T(K) = a + b·K, the share a / (a + b·K) goes into that. K doubles while
 * {@link isShort} says so. The runtime keeps up to four copies of the state in the meantime.
 *
 * @param options `onDevice`, on CUDA by default, gives a notice where a session would fail
 */
export async function scanStepper(
  losses: GradientOptions,
  optimiser: OptimiserOptions,
  state: TrainingState,
  { onDevice, ...options }: SessionOptions,
  groupOf: GroupOf,
): Promise<Stepper> {
  const graph = compileStep({ ...losses, ...optimiser, groupOf }, targetOf(options), options.precision);
  const kept = new Map([...state.parameters, ...state.optimiser]);
  const held = updatedNames(losses);
  const buffers = nextBuffers(losses);
  const carried = new Map([...held, ...(losses.buffers ?? []).map(({ name }) => name)].map((name) => [name, nextName(name)]));
  // The runtime does not look into a Scan, so it is asked about a single step.
  const strays = (onDevice ?? options.provider === 'cuda') && !(await staysOnDevice(serialise(graph, { muted: true }), options));
  const session = await Session.create(serialiseScan(graph, { state: carried, muted: true }), options);
  const scanned = inputsOf(graph.values()).flatMap(({ source }) => {
    const { name } = source as Input;
    return carried.has(name) ? [] : [name];
  });
  const next = new Set(carried.values());
  const scalars = [...graph.keys()].filter((name) => !next.has(name));
  const into = new Map([...held.map((name) => [nextName(name), kept.get(name)!] as const), ...buffers]);

  const feedsOf = ({ feeds, t, learningRate }: StepInput): ReadonlyMap<string, Tensor> =>
    new Map([...feeds, ...scheduleFeeds(t, learningRate, optimiser)]);

  let chunk = 1;
  /** The last run of the number of steps before. */
  let before: Run | undefined;
  return {
    get chunk() {
      return chunk;
    },
    ...(strays && { notice: STRAYS }),
    async steps(inputs) {
      const began = performance.now();
      const turns = inputs.map(feedsOf);
      const stacked = scanned.map((name) => [name, stack(turns.map((feeds) => feeds.get(name)!))] as const);
      const collected = new Map(scalars.map((name) => [name, filled('float32', [inputs.length], 0)]));
      await session.run(new Map([...kept, ...state.buffers, ...stacked]), new Map([...into, ...collected]));
      state.turn(buffers);
      const bytes = stacked.reduce((sum, [, { data }]) => sum + data.byteLength, 0);
      const run = { steps: inputs.length, milliseconds: performance.now() - began };
      if (run.steps === chunk && isShort(run, before) && 2 * bytes <= MOST_BATCHES) {
        chunk *= 2;
        before = run;
      }
      return inputs.map((_, turn) => new Map([...collected].map(([name, { data }]) => [name, Number(data[turn])])));
    },
    upload: () => Promise.resolve(),
    download: () => Promise.resolve(),
    release: () => session.release(),
  };
}

/** Some steps that were one run. */
export interface Run {
  readonly steps: number;
  readonly milliseconds: number;
}

/**
 * Whether runs should be twice as long: one takes less than 0.4 s, or more than a twentieth of it goes into what is paid once a run, and the longer one would
 * take at most 5 s.
 *
 * @param before a run of fewer steps, which tells what is paid once; without one the longer run is tried
 */
export function isShort({ steps, milliseconds }: Run, before: Run | undefined): boolean {
  if (milliseconds < SHORT_RUN) return true;
  if (2 * milliseconds > LONGEST_RUN) return false;
  if (!before) return true;
  const perStep = (milliseconds - before.milliseconds) / (steps - before.steps);
  return milliseconds - perStep * steps > MOST_CROSSING * milliseconds;
}

/** Tensors of one type as one tensor, each a row. */
function stack(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (!first) throw new RangeError('There is nothing to stack.');
  const { dtype, shape } = first;
  const all = filled(dtype, [tensors.length, ...shape], 0);
  tensors.forEach(({ data }, i) => all.data.set(data as never, i * size(shape)));
  return all;
}
