import { scope, type Value } from './graph';
import * as ops from './ops';

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
}

/** What changes from step to step, all scalars: computed by {@link adamWSchedule} in double precision and fed. */
export interface AdamWInputs {
  /** 1 − learning rate · weight decay. */
  readonly decay: Value;
  /** learning rate · √(1 − β₂ᵗ) / (1 − β₁ᵗ). */
  readonly stepSize: Value;
  /** ε · √(1 − β₂ᵗ). */
  readonly epsilon: Value;
}

/** A parameter with its first and second moments, all of one shape. */
export interface Slot {
  readonly parameter: Value;
  readonly m: Value;
  readonly v: Value;
}

/**
 * AdamW (Loshchilov & Hutter, 2019, arXiv 1711.05101), written for few passes over memory: bias corrections are folded into the fed scalars,
 * which gives p ← p·decay − stepSize · m / (√v + ε̂), the same numbers as the textbook form.
 *
 * @param decays whether weight decay applies (not to biases and normalisation weights)
 */
export function adamW(
  { parameter, m, v }: Slot,
  gradient: Value,
  decays: boolean,
  inputs: AdamWInputs,
  { beta1, beta2 }: AdamWOptions,
): Slot {
  return scope('adamw', () => {
    const nextM = ops.add(ops.mul(m, beta1), ops.mul(gradient, 1 - beta1));
    const nextV = ops.add(ops.mul(v, beta2), ops.mul(ops.mul(gradient, gradient), 1 - beta2));
    const update = ops.mul(ops.div(nextM, ops.add(ops.sqrt(nextV), inputs.epsilon)), inputs.stepSize);
    return { parameter: ops.sub(decays ? ops.mul(parameter, inputs.decay) : parameter, update), m: nextM, v: nextV };
  });
}

export interface AdamWHyperparameters extends AdamWOptions {
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** The scalars of step `t` (from 1) at a learning rate. */
export function adamWSchedule(
  t: number,
  learningRate: number,
  { beta1, beta2, epsilon, weightDecay }: AdamWHyperparameters,
): Record<keyof AdamWInputs, number> {
  const correction2 = Math.sqrt(1 - beta2 ** t);
  return {
    decay: 1 - learningRate * weightDecay,
    stepSize: (learningRate * correction2) / (1 - beta1 ** t),
    epsilon: epsilon * correction2,
  };
}

/**
 * Clips gradients by their global norm (Pascanu et al., 2013, arXiv 1211.5063): all are scaled by min(1, limit / (norm + 1e-6)), PyTorch's formula.
 *
 * @returns the clipped gradients and the norm before clipping, a scalar
 */
export function clipByGlobalNorm(gradients: readonly Value[], limit: number): { clipped: Value[]; norm: Value } {
  return scope('clip', () => {
    const squares = gradients.map((g) => ops.reshape(ops.reduceSumSquare(g), [1]));
    const norm = ops.sqrt(ops.reduceSum(ops.concat(squares, 0)));
    const factor = ops.min(ops.div(ops.like(norm, limit), ops.add(norm, 1e-6)), 1);
    return { clipped: gradients.map((g) => ops.mul(g, factor)), norm };
  });
}
