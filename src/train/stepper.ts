import { adamWSchedule, clipFactorOf, type AdamWHyperparameters } from '../onnx/adamw';
import { serialise } from '../onnx/serialise';
import { Session, targetOf, type SessionOptions } from './device';
import { directGradients, nextBuffers, numbers, type GradientSource, type Tensors } from './gradients';
import { residentStepper } from './resident-stepper';
import { scanStepper } from './scan-stepper';
import type { TrainingState } from './state';
import { compileStep, gradientName, nextName, scheduleFeeds, updatedNames, type GradientOptions } from './step';

export interface OptimiserOptions extends AdamWHyperparameters {
  /** Limit of the global gradient norm. */
  readonly gradientClip: number;
  /** See {@link GradientOptions.recompute}. */
  readonly recompute?: boolean;
}

/** Parameters that have been updated equally often share a group: the number of each one's, from 0. */
export type GroupOf = (parameter: string) => number;
const ONE_GROUP: GroupOf = () => 0;

/** What one step is done with. */
export interface StepInput {
  /** What the losses are fed with. */
  readonly feeds: Tensors;
  /** For each group of parameters the number of its update, from 1. */
  readonly t: readonly number[];
  readonly learningRate: number;
}

/** Every scalar of a step: `loss:<name>`, `loss:total`, `gradientNorm` before clipping, and with several losses `gradientNorm:<name>`. */
export type Scalars = ReadonlyMap<string, number>;

/** What steps run on. */
export interface TrainingDevice extends SessionOptions {
  /** Does several steps in one run on any device, as on CUDA: so it can be tried where there is none. */
  readonly scan?: boolean | undefined;
}

/** Does optimiser steps on a device. */
export interface Stepper {
  /** How many steps at once suit it: what a device is fed and asked between two runs costs time. It changes as that is found out. */
  readonly chunk: number;
  /** What a person should know of how it does them. */
  readonly notice?: string | undefined;
  /** Does steps one after another, any number of them. */
  steps(inputs: readonly StepInput[]): Promise<Scalars[]>;
  /** Takes the {@link TrainingState} over, where the steps have one of their own: before the first, and whenever it was changed. */
  upload(): Promise<void>;
  /** Brings the state back into {@link TrainingState}, where it can be measured and saved. */
  download(): Promise<void>;
  release(): Promise<void>;
}

/** On the CPU the graph gives gradients and the state updates itself; elsewhere the whole step is one graph. Both do the same to the last bit. */
export async function createStepper(
  losses: GradientOptions,
  optimiser: OptimiserOptions,
  state: TrainingState,
  session: TrainingDevice,
  groupOf: GroupOf = ONE_GROUP,
): Promise<Stepper> {
  if (session.scan || session.provider === 'cuda') return scanStepper(losses, optimiser, state, session, groupOf);
  if (session.provider === 'webgpu') return residentStepper(losses, optimiser, state, session, groupOf);
  if (state.gradients.size === 0) return graphStepper(losses, optimiser, state, session, groupOf);
  return fusedStepper(await directGradients(losses, state, session), optimiser, state, groupOf);
}

/** Steps that are done one by one, on the {@link TrainingState} itself. */
const inPlace = (step: (input: StepInput) => Promise<Scalars>, release: () => Promise<void>): Stepper => ({
  chunk: 1,
  async steps(inputs) {
    const done: Scalars[] = [];
    for (const input of inputs) done.push(await step(input));
    return done;
  },
  upload: () => Promise.resolve(),
  download: () => Promise.resolve(),
  release,
});

/** The update outside the graph, by whatever gradients there are. */
export function fusedStepper(source: GradientSource, optimiser: OptimiserOptions, state: TrainingState, groupOf: GroupOf): Stepper {
  const names = source.specs.map(({ name }) => name);
  const groups = [...new Set(names.map(groupOf))];
  const ranges = groups.map((group) => [group, state.rangesOf(names.filter((name) => groupOf(name) === group))] as const);
  const gradients = new Map(names.map((name) => [gradientName(name), state.gradients.get(gradientName(name))!]));
  return inPlace(
    async ({ feeds, t, learningRate }) => {
      const scalars = await source.compute(feeds, gradients);
      const clip = clipFactorOf(scalars.get('gradientNorm')!, optimiser.gradientClip);
      for (const [group, range] of ranges) state.update(range, clip, optimiser, adamWSchedule(t[group]!, learningRate, optimiser));
      return scalars;
    },
    () => source.release(),
  );
}

/** For models that are too large to be updated outside their graph. A Scan would keep further copies of what is large already. */
async function graphStepper(
  losses: GradientOptions,
  optimiser: OptimiserOptions,
  state: TrainingState,
  options: SessionOptions,
  groupOf: GroupOf,
): Promise<Stepper> {
  const graph = compileStep({ ...losses, ...optimiser, groupOf }, targetOf(options), options.precision);
  const session = await Session.create(serialise(graph, { muted: true }), options);
  const all = new Map([...state.parameters, ...state.optimiser]);
  const held = updatedNames(losses);
  const buffers = nextBuffers(losses);
  const into = new Map([...held.map((name) => [nextName(name), all.get(name)!] as const), ...buffers]);
  return inPlace(
    async ({ feeds, t, learningRate }) => {
      const schedule = scheduleFeeds(t, learningRate, optimiser);
      const scalars = numbers(await session.run(new Map([...all, ...state.buffers, ...feeds, ...schedule]), into));
      state.turn(buffers);
      return scalars;
    },
    () => session.release(),
  );
}
