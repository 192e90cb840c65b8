import { input } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { serialise } from '../onnx/serialise';
import type { Tensor } from '../onnx/types';
import { Session, targetOf, type Resident, type SessionOptions } from './device';
import { numbers, type Tensors } from './gradients';
import type { TrainingState } from './state';
import { compileStep, nextName, scheduleFeeds, updatedNames, type GradientOptions } from './step';
import type { GroupOf, OptimiserOptions, Scalars, Stepper } from './stepper';

/**
 * Steps on WebGPU, one a run: parameters, moments and buffers stay in buffers of the GPU, where the outputs of a run are the inputs of the next. What
 * crosses in a step is its batch, and the scalars that come of it.
 */
export async function residentStepper(
  losses: GradientOptions,
  optimiser: OptimiserOptions,
  state: TrainingState,
  options: SessionOptions,
  groupOf: GroupOf,
): Promise<Stepper> {
  const held = updatedNames(losses);
  const all = new Map([...state.parameters, ...state.optimiser, ...state.buffers]);
  const names = [...held, ...(losses.buffers ?? []).map(({ name }) => name)];
  const own = new Map(names.map((name) => [name, all.get(name)!]));
  const ownNext = new Map([...own].map(([name, tensor]) => [nextName(name), tensor]));
  const onDevice = { ...options, resident: [...ownNext.keys()] };
  const graph = compileStep({ ...losses, ...optimiser, groupOf }, targetOf(options), options.precision);
  const session = await Session.create(serialise(graph), onDevice);
  const copy = copyModel(own);
  const [up, down] = [await Session.create(copy, onDevice), await Session.create(copy, options)];

  let resident = new Map<string, Resident>();
  const letGo = (): void => {
    for (const tensor of resident.values()) tensor.dispose();
    resident.clear();
  };
  /** Runs what gives the next state. */
  const advance = async (by: Session, feeds: ReadonlyMap<string, Tensor | Resident>): Promise<Scalars> => {
    const next = new Map<string, Resident>();
    const scalars = numbers(await by.run(feeds, undefined, next));
    letGo();
    resident = new Map(names.map((name) => [name, next.get(nextName(name))!]));
    return scalars;
  };
  return {
    chunk: 1,
    async steps(inputs) {
      const done: Scalars[] = [];
      for (const { feeds, t, learningRate } of inputs)
        done.push(
          await advance(session, new Map<string, Tensor | Resident>([...resident, ...feeds, ...scheduleFeeds(t, learningRate, optimiser)])),
        );
      return done;
    },
    async upload() {
      await advance(up, own);
    },
    async download() {
      await down.run(resident, ownNext);
    },
    async release() {
      letGo();
      for (const each of [session, up, down]) await each.release();
    },
  };
}

/** A model that hands on what it is given, under {@link nextName}: the binding itself cannot read a buffer of the GPU, nor write one. */
const copyModel = (tensors: Tensors): Uint8Array =>
  serialise(new Map([...tensors].map(([name, { dtype, shape }]) => [nextName(name), ops.identity(input(name, dtype, shape))])));
