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

/** The global norm of gradients: the length of all of them as one vector, a scalar. */
export function globalNorm(gradients: readonly Value[]): Value {
  return scope('norm', () => {
    const ranks = [...new Set(gradients.map(({ rank }) => rank))];
    // Sums of squares keep their axes, so that those of one rank make one tensor without a reshaping each.
    const sums = ranks.map((rank) => {
      const squares = gradients.filter((g) => g.rank === rank).map((g) => ops.reduceSumSquare(g, { keepdims: 1 }));
      return rank === 0 ? squares.reduce(ops.add) : ops.reduceSum(ops.concat(squares, 0));
    });
    return ops.sqrt(sums.reduce(ops.add));
  });
}

const CLIP_EPSILON = 1e-6;

/** What gradients are multiplied by to be clipped at a global norm (Pascanu et al., 2013, arXiv 1211.5063): min(1, limit / (norm + 1e-6)), PyTorch's formula. */
export function clipFactor(norm: Value, limit: number): Value {
  return scope('clip', () => ops.min(ops.div(ops.like(norm, limit), ops.add(norm, CLIP_EPSILON)), 1));
}

/** {@link clipFactor} for a number, rounded after each operation as the graph rounds. */
export const clipFactorOf = (norm: number, limit: number): number =>
  Math.min(Math.fround(Math.fround(limit) / Math.fround(Math.fround(norm) + Math.fround(CLIP_EPSILON))), 1);
