import { adamWSchedule, clipFactorOf, type AdamWHyperparameters } from '../onnx/adamw';
import { serialise } from '../onnx/serialise';
import { tensor } from '../onnx/types';
import { Session, targetOf, type SessionOptions } from './device';
import { directGradients, nextBuffers, numbers, type GradientSource, type Tensors } from './gradients';
import type { TrainingState } from './state';
import { compileStep, gradientName, momentName, nextName, SCHEDULE, scheduleName, type GradientOptions } from './step';

export interface OptimiserOptions extends AdamWHyperparameters {
  /** Limit of the global gradient norm. */
  readonly gradientClip: number;
}

/** Parameters that have been updated equally often share a group: the number of each one's, from 0. */
export type GroupOf = (parameter: string) => number;
const ONE_GROUP: GroupOf = () => 0;

/** Does optimiser steps on a device; the state is in {@link TrainingState} between them. */
export interface Stepper {
  /**
   * @param feeds what the losses are fed with
   * @param t for each group of parameters the number of its update, from 1
   * @returns every scalar of the step: `loss:<name>`, `loss:total`, `gradientNorm` before clipping, and with several losses `gradientNorm:<name>`
   */
  step(feeds: Tensors, t: readonly number[], learningRate: number): Promise<ReadonlyMap<string, number>>;
  release(): Promise<void>;
}

/** On the CPU the graph gives gradients and the state updates itself; elsewhere the whole step is one graph. Both do the same to the last bit. */
export async function createStepper(
  losses: GradientOptions,
  optimiser: OptimiserOptions,
  state: TrainingState,
  session: SessionOptions,
  groupOf: GroupOf = ONE_GROUP,
): Promise<Stepper> {
  if (targetOf(session) === 'anywhere' || state.gradients.size === 0) return graphStepper(losses, optimiser, state, session, groupOf);
  return fusedStepper(await directGradients(losses, state, session), optimiser, state, groupOf);
}

/** The update outside the graph, by whatever gradients there are. */
export function fusedStepper(source: GradientSource, optimiser: OptimiserOptions, state: TrainingState, groupOf: GroupOf): Stepper {
  const names = source.specs.map(({ name }) => name);
  const groups = [...new Set(names.map(groupOf))];
  const ranges = groups.map((group) => [group, state.rangesOf(names.filter((name) => groupOf(name) === group))] as const);
  const gradients = new Map(names.map((name) => [gradientName(name), state.gradients.get(gradientName(name))!]));
  return {
    async step(feeds, t, learningRate) {
      const scalars = await source.compute(feeds, gradients);
      const clip = clipFactorOf(scalars.get('gradientNorm')!, optimiser.gradientClip);
      for (const [group, range] of ranges) state.update(range, clip, optimiser, adamWSchedule(t[group]!, learningRate, optimiser));
      return scalars;
    },
    release: () => source.release(),
  };
}

async function graphStepper(
  losses: GradientOptions,
  optimiser: OptimiserOptions,
  state: TrainingState,
  options: SessionOptions,
  groupOf: GroupOf,
): Promise<Stepper> {
  const target = targetOf(options);
  const graph = compileStep({ ...losses, ...optimiser, groupOf }, target);
  const session = await Session.create(serialise(graph, { muted: target !== 'anywhere' }), options);
  const all = new Map([...state.parameters, ...state.optimiser]);
  const held = losses.specs.flatMap(({ name }) => [name, momentName('m', name), momentName('v', name)]);
  const buffers = nextBuffers(losses);
  const into = new Map([...held.map((name) => [nextName(name), all.get(name)!] as const), ...buffers]);
  return {
    async step(feeds, t, learningRate) {
      const schedule = t.flatMap((count, group) => {
        const scalars = adamWSchedule(count, learningRate, optimiser);
        return SCHEDULE.map((name) => [scheduleName(name, group), tensor('float32', [], [scalars[name]])] as const);
      });
      const scalars = numbers(await session.run(new Map([...all, ...state.buffers, ...feeds, ...schedule]), into));
      state.turn(buffers);
      return scalars;
    },
    release: () => session.release(),
  };
}
