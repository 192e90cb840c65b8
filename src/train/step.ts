import { adamW, clipFactor, globalNorm, type AdamWInputs, type AdamWOptions } from '../onnx/adamw';
import { grad } from '../onnx/grad';
import { input, scope, type Outputs, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { optimise, type Target } from '../onnx/optimise';
import type { ParameterSpec, Parameters } from '../model/parameters';
import { lookUp, parameterInputs } from '../model/parameters';

/** What the losses of a step are: the weighted parts, by name, each a scalar. */
export interface WeightedLoss {
  readonly name: string;
  readonly weight: number;
  readonly loss: Value;
}

export interface GradientOptions {
  readonly specs: readonly ParameterSpec[];
  readonly losses: (parameters: Parameters) => readonly WeightedLoss[];
}

export interface StepOptions extends GradientOptions, AdamWOptions {
  /** Limit of the global gradient norm. */
  readonly gradientClip: number;
}

/** Names under which a step takes and gives its state. The next value of `x` is the output `next(x)`. */
export const momentName = (moment: 'm' | 'v', parameter: string): string => `${moment}:${parameter}`;
export const nextName = (state: string): string => `next:${state}`;
export const gradientName = (parameter: string): string => `gradient:${parameter}`;
export const SCHEDULE_INPUTS = ['decay', 'stepSize', 'epsilon'] as const;

/**
 * Forward and backward pass of a step: every parameter is an input, and the outputs are `loss:<name>` for each part, `loss:total`, `gradientNorm`,
 * and the gradient of each parameter under {@link gradientName}.
 */
export function compileGradients(options: GradientOptions, target: Target): Outputs {
  const { outputs, gradients } = differentiate(options);
  options.specs.forEach(({ name }, i) => outputs.set(gradientName(name), gradients[i]!));
  return optimise(outputs, target);
}

/**
 * One training step as one graph: forward, backward, global-norm clipping and AdamW. Its inputs are the state (every parameter and its two
 * moments), the optimiser's scalars and whatever the losses ask for; its outputs are the next state, `loss:<name>` for each part, `loss:total`
 * and `gradientNorm`.
 */
export function compileStep(options: StepOptions, target: Target = 'anywhere'): Outputs {
  const { outputs, parameters, gradients, norm } = differentiate(options);
  const factor = clipFactor(norm, options.gradientClip);
  const schedule = Object.fromEntries(SCHEDULE_INPUTS.map((name) => [name, input(name, 'float32', [])])) as unknown as AdamWInputs;
  options.specs.forEach(({ name, shape, decays }, i) => {
    const moments = { m: input(momentName('m', name), 'float32', shape), v: input(momentName('v', name), 'float32', shape) };
    const clipped = scope('clip', () => ops.mul(gradients[i]!, factor));
    const next = scope(name, () => adamW({ parameter: parameters.get(name)!, ...moments }, clipped, decays, schedule, options));
    outputs.set(nextName(name), next.parameter);
    outputs.set(nextName(momentName('m', name)), next.m);
    outputs.set(nextName(momentName('v', name)), next.v);
  });
  return optimise(outputs, target);
}

/** The losses of a step, their gradients in the order of `specs`, and the gradients' global norm. */
function differentiate({ specs, losses }: GradientOptions): {
  outputs: Map<string, Value>;
  parameters: ReadonlyMap<string, Value>;
  gradients: Value[];
  norm: Value;
} {
  const parameters = parameterInputs(specs);
  const parts = losses(lookUp(parameters));
  const total = parts.map(({ loss, weight }) => ops.mul(loss, weight)).reduce(ops.add);
  const gradients = grad(total, [...parameters.values()]);
  const norm = globalNorm(gradients);
  const outputs = new Map<string, Value>([
    ...parts.map(({ name, loss }): [string, Value] => [`loss:${name}`, loss]),
    ['loss:total', ops.identity(total)],
    ['gradientNorm', norm],
  ]);
  return { outputs, parameters, gradients, norm };
}
