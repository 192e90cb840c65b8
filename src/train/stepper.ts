import { adamWSchedule, clipFactorOf, type AdamWHyperparameters } from '../onnx/adamw';
import { serialise } from '../onnx/serialise';
import { tensor, type Tensor } from '../onnx/types';
import { Session, targetOf, type SessionOptions } from './device';
import type { TrainingState } from './state';
import { compileGradients, compileStep, nextName, type GradientOptions } from './step';

export interface OptimiserOptions extends AdamWHyperparameters {
  /** Limit of the global gradient norm. */
  readonly gradientClip: number;
}

/** Does optimiser steps on a device; the state is in {@link TrainingState} between them. */
export interface Stepper {
  /**
   * @param batch what the losses are fed with
   * @param t number of the step, from 1
   * @returns every scalar of the step: `loss:<name>`, `loss:total`, and `gradientNorm` before clipping
   */
  step(batch: ReadonlyMap<string, Tensor>, t: number, learningRate: number): Promise<ReadonlyMap<string, number>>;
  release(): Promise<void>;
}

/** On the CPU the graph gives gradients and the state updates itself; elsewhere the whole step is one graph. Both do the same to the last bit. */
export async function createStepper(
  losses: GradientOptions,
  optimiser: OptimiserOptions,
  state: TrainingState,
  session: SessionOptions,
): Promise<Stepper> {
  const fused = targetOf(session) !== 'anywhere' && state.gradients.size > 0;
  if (!fused) return graphStepper(losses, optimiser, state, session);
  return fusedStepper(serialise(compileGradients(losses, targetOf(session)), { muted: true }), optimiser, state, session);
}

/** @param model the muted model of `compileGradients` */
export async function fusedStepper(
  model: Uint8Array,
  optimiser: OptimiserOptions,
  state: TrainingState,
  options: SessionOptions,
): Promise<Stepper> {
  const session = await Session.create(model, options);
  return {
    async step(batch, t, learningRate) {
      const scalars = numbers(await session.run(new Map([...state.parameters, ...batch]), state.gradients));
      const clip = clipFactorOf(scalars.get('gradientNorm')!, optimiser.gradientClip);
      state.update(clip, optimiser, adamWSchedule(t, learningRate, optimiser));
      return scalars;
    },
    release: () => session.release(),
  };
}

async function graphStepper(
  losses: GradientOptions,
  optimiser: OptimiserOptions,
  state: TrainingState,
  options: SessionOptions,
): Promise<Stepper> {
  const target = targetOf(options);
  const session = await Session.create(
    serialise(compileStep({ ...losses, ...optimiser }, target), { muted: target !== 'anywhere' }),
    options,
  );
  const held = new Map([...state.parameters, ...state.optimiser]);
  const into = new Map([...held].map(([name, value]) => [nextName(name), value]));
  return {
    async step(batch, t, learningRate) {
      const schedule = Object.entries(adamWSchedule(t, learningRate, optimiser)).map(
        ([name, value]) => [name, tensor('float32', [], [value])] as const,
      );
      return numbers(await session.run(new Map([...held, ...batch, ...schedule]), into));
    },
    release: () => session.release(),
  };
}

const numbers = (tensors: ReadonlyMap<string, Tensor>): Map<string, number> =>
  new Map([...tensors].map(([name, { data }]) => [name, Number(data[0])]));
