import {
  adamW,
  adamWSchedule,
  clipFactor,
  globalNorm,
  type AdamWHyperparameters,
  type AdamWInputs,
  type AdamWOptions,
} from '../onnx/adamw';
import { grad } from '../onnx/grad';
import { input, scope, type Outputs, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { optimise, type Target } from '../onnx/optimise';
import { tensor, type Tensor } from '../onnx/types';
import type { Precision } from '../shared/types';
import type { ParameterSpec, Parameters } from '../model/parameters';
import type { BufferSpec } from '../objectives/objective';
import { lookUp, parameterInputs } from '../model/parameters';

/** One of the losses of a step. */
export interface WeightedLoss {
  readonly name: string;
  /** Its factor in the sum: a number, or a scalar that is fed. */
  readonly weight: number | Value;
  /** Scalar. */
  readonly loss: Value;
  /** What the step leaves in buffers, by their names. */
  readonly next?: Readonly<Record<string, Value>>;
}

export interface GradientOptions {
  readonly specs: readonly ParameterSpec[];
  /** Tensors that the losses carry from step to step, under the names of the graph's inputs. */
  readonly buffers?: readonly BufferSpec[];
  readonly losses: (parameters: Parameters) => readonly WeightedLoss[];
  /** Whether the way back computes layers again instead of keeping what is in them. */
  readonly recompute?: boolean;
}

export interface StepOptions extends GradientOptions, AdamWOptions {
  /** Limit of the global gradient norm. */
  readonly gradientClip: number;
  /** Parameters that have been updated equally often share their schedule's inputs: the group of each, 0 when absent. */
  readonly groupOf?: (parameter: string) => number;
}

/** Names under which a step takes and gives its state. The next value of `x` is the output `next(x)`. */
export const momentName = (moment: 'm' | 'v', parameter: string): string => `${moment}:${parameter}`;
export const nextName = (state: string): string => `next:${state}`;
/** What an update changes: every parameter and its two moments. */
export const updatedNames = ({ specs }: Pick<GradientOptions, 'specs'>): string[] =>
  specs.flatMap(({ name }) => [name, momentName('m', name), momentName('v', name)]);
export const gradientName = (parameter: string): string => `gradient:${parameter}`;
const scheduleName = (scalar: keyof AdamWInputs, group: number): string => (group === 0 ? scalar : `${scalar}:${group}`);
const SCHEDULE = ['decay', 'stepSize', 'epsilon'] as const;

/** The optimiser's scalars of a step as its graph takes them. @param t for each group of parameters the number of its update, from 1 */
export const scheduleFeeds = (t: readonly number[], learningRate: number, optimiser: AdamWHyperparameters): [string, Tensor][] =>
  t.flatMap((count, group) => {
    const scalars = adamWSchedule(count, learningRate, optimiser);
    return SCHEDULE.map((name): [string, Tensor] => [scheduleName(name, group), tensor('float32', [], [scalars[name]])]);
  });

/**
 * Forward and backward pass of a step: every parameter is an input, and the outputs are `loss:<name>` for each part, `loss:total`, `gradientNorm`, with
 * several parts `gradientNorm:<name>` for each, the gradient of each parameter under {@link gradientName}, and `next:<buffer>`.
 */
export function compileGradients(options: GradientOptions, target: Target, precision?: Precision): Outputs {
  const { outputs, gradients } = differentiate(options);
  options.specs.forEach(({ name }, i) => outputs.set(gradientName(name), gradients[i]!));
  return optimise(outputs, target, precision);
}

/**
 * One training step as one graph: forward, backward, global-norm clipping and AdamW. Its inputs are the state (every parameter and its two
 * moments), the optimiser's scalars and whatever the losses ask for; its outputs are the next state, and the scalars of {@link compileGradients}.
 */
export function compileStep(options: StepOptions, target: Target = 'anywhere', precision?: Precision): Outputs {
  const { outputs, parameters, gradients, norm } = differentiate(options);
  const factor = clipFactor(norm, options.gradientClip);
  const schedules = new Map<number, AdamWInputs>();
  const scheduleOf = (group: number): AdamWInputs => {
    const known = schedules.get(group);
    if (known) return known;
    const made = Object.fromEntries(
      SCHEDULE.map((name) => [name, input(scheduleName(name, group), 'float32', [])]),
    ) as unknown as AdamWInputs;
    schedules.set(group, made);
    return made;
  };
  options.specs.forEach(({ name, shape, decays }, i) => {
    const moments = { m: input(momentName('m', name), 'float32', shape), v: input(momentName('v', name), 'float32', shape) };
    const clipped = scope('clip', () => ops.mul(gradients[i]!, factor));
    const schedule = scheduleOf(options.groupOf?.(name) ?? 0);
    const next = scope(name, () => adamW({ parameter: parameters.get(name)!, ...moments }, clipped, decays, schedule, options));
    outputs.set(nextName(name), next.parameter);
    outputs.set(nextName(momentName('m', name)), next.m);
    outputs.set(nextName(momentName('v', name)), next.v);
  });
  return optimise(outputs, target, precision);
}

/** The losses of a step, their gradients in the order of `specs`, and the gradients' global norm. */
function differentiate({ specs, losses, recompute }: GradientOptions): {
  outputs: Map<string, Value>;
  parameters: ReadonlyMap<string, Value>;
  gradients: Value[];
  norm: Value;
} {
  const parameters = parameterInputs(specs);
  const wrt = [...parameters.values()];
  const parts = losses(lookUp(parameters));
  const weighted = parts.map(({ loss, weight }) => ops.mul(loss, weight));
  const total = weighted.reduce(ops.add);
  const outputs = new Map<string, Value>([
    ...parts.map(({ name, loss }): [string, Value] => [`loss:${name}`, loss]),
    ['loss:total', ops.identity(total)],
  ]);
  // With several parts each is differentiated on its own, so that one can see how hard each pulls.
  const each = weighted.length > 1 ? weighted.map((loss) => grad(loss, wrt, recompute)) : [];
  const gradients = weighted.length > 1 ? wrt.map((_, i) => each.map((part) => part[i]!).reduce(ops.add)) : grad(total, wrt, recompute);
  const norm = globalNorm(gradients);
  outputs.set('gradientNorm', norm);
  parts.forEach(({ name, next = {} }, i) => {
    if (each[i])
      outputs.set(
        `gradientNorm:${name}`,
        scope(name, () => globalNorm(each[i]!)),
      );
    for (const [buffer, value] of Object.entries(next)) outputs.set(nextName(buffer), ops.identity(value));
  });
  return { outputs, parameters, gradients, norm };
}
