import { input, scope, type Outputs, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { optimise, type Target } from '../onnx/optimise';
import { tensor, type Tensor } from '../onnx/types';
import { counterDropout } from '../model/random';
import { encoderParameters, lookUp, parameterInputs, type ParameterSpec, type Parameters } from '../model/parameters';
import type { ModelConfig } from '../model/config';
import type { Batch, BufferSpec, Feeds, Loss, LossContext } from '../objectives/objective';
import type { Instance } from '../objectives';
import type { Precision } from '../shared/types';
import { hash32 } from '../shared/random';
import type { GradientOptions } from './step';

/** A uint32 scalar from which all that is random in a step's graph follows. */
export const STEP_KEY = 'key';

/** Begins the names of the outputs of {@link compileParts}. */
export const PART = 'part:';

export const feedName = (objective: string, name: string): string => `${objective}.${name}`;
export const weightName = (objective: string): string => `weight:${objective}`;
export const bufferName = (objective: string, name: string): string => `${objective}:${name}`;

/** A batch under the names that the graph of all objectives gives its inputs. */
export const feedsOf = (objective: string, batch: Batch): [string, Batch[string]][] =>
  Object.entries(batch).map(([name, tensor]) => [feedName(objective, name), tensor]);

/**
 * What is fed for a part of a batch, given what is fed for the whole: its rows, and a key of its own, so that no two parts draw the same dropout masks.
 *
 * @param part gives the rows
 */
export function feedsOfPart(
  { type, feeds: types }: Instance,
  feeds: ReadonlyMap<string, Tensor>,
  index: number,
  part: (batch: Batch, index: number) => Batch,
): Map<string, Tensor> {
  const batch = Object.fromEntries(Object.keys(types).map((name) => [name, feeds.get(feedName(type, name))!]));
  const key = hash32(Number(feeds.get(STEP_KEY)!.data[0]), index);
  return new Map([...feeds, ...feedsOf(type, part(batch, index)), [STEP_KEY, tensor('uint32', [], [key])]]);
}

/** Every trainable tensor of a model with these objectives, each once. */
export function parametersOf(config: ModelConfig, instances: readonly Instance[]): ParameterSpec[] {
  const specs = [...encoderParameters(config), ...instances.flatMap(({ parameters }) => parameters)];
  return [...new Map(specs.map((spec) => [spec.name, spec])).values()];
}

/** What the objectives carry from step to step, under the names that the graphs give it. */
export const buffersOf = (instances: readonly Instance[]): BufferSpec[] =>
  instances.flatMap(({ type, buffers = [] }) => buffers.map(({ name, shape }) => ({ name: bufferName(type, name), shape })));

/** The losses of a set of objectives over one shared encoder, and the parameters that they train. */
export function trainingLosses(config: ModelConfig, instances: readonly Instance[], recompute = false): GradientOptions {
  const key = stepKey();
  return {
    specs: parametersOf(config, instances),
    buffers: buffersOf(instances),
    recompute,
    losses: (parameters) =>
      instances.map((instance) => {
        const { loss, next = {} } = scope(instance.type, () => instance.loss(lossContext(instance, parameters, instance.feeds, key)));
        return {
          name: instance.type,
          weight: weightOf(instance),
          loss,
          next: Object.fromEntries(Object.entries(next).map(([name, value]) => [bufferName(instance.type, name), value])),
        };
      }),
  };
}

/** The factor of an objective's loss; one that moves is fed. */
export const weightOf = ({ type, weight }: Instance): number | Value =>
  typeof weight === 'number' ? weight : input(weightName(type), 'float32', []);

/** The held-out losses and metrics of one objective: outputs `loss` and `metric:<name>`. */
export function compileEvaluation(config: ModelConfig, instance: Instance, target: Target, precision?: Precision): Outputs {
  const parameters = lookUp(parameterInputs(parametersOf(config, [instance])));
  const context = lossContext(instance, parameters, instance.evaluationFeeds, stepKey());
  return optimise(evaluationOutputs(scope(instance.type, () => instance.evaluation(context))), target, precision);
}

/** One objective's loss as a step takes it, with what its examples tell of: outputs `loss` and `part:<name>`. */
export function compileParts(config: ModelConfig, instance: Instance, target: Target): Outputs {
  const parameters = lookUp(parameterInputs(parametersOf(config, [instance])));
  const { loss, parts = {} } = scope(instance.type, () => instance.loss(lossContext(instance, parameters, instance.feeds, stepKey())));
  return optimise(
    new Map([['loss', loss], ...Object.entries(parts).map(([name, value]): [string, Value] => [`${PART}${name}`, value])]),
    target,
  );
}

export const evaluationOutputs = ({ loss, metrics = {} }: Loss): Outputs =>
  new Map([['loss', loss], ...Object.entries(metrics).map(([name, value]): [string, Value] => [`metric:${name}`, value])]);

export const stepKey = (): Value => input(STEP_KEY, 'uint32', []);

/** What an objective writes its loss with: graph inputs under the names that steps feed. */
export function lossContext({ type, buffers = [] }: Instance, parameters: Parameters, feeds: Feeds, key: Value): LossContext {
  const inputs = (entries: [string, Value][]): ((name: string) => Value) => {
    const values = new Map(entries);
    return (name) => {
      const value = values.get(name);
      if (!value) throw new Error(`The objective "${type}" has no "${name}".`);
      return value;
    };
  };
  return {
    parameters,
    key,
    dropout: counterDropout(key),
    batch: inputs(Object.entries(feeds).map(([name, { dtype, shape }]) => [name, input(feedName(type, name), dtype, shape)])),
    buffer: inputs(buffers.map(({ name, shape }) => [name, input(bufferName(type, name), 'float32', shape)])),
  };
}

/** A one-operator graph that tells whether a device works at all. */
export const probeGraph = (): Outputs => {
  const x = input('x', 'float32', [2, 2]);
  return new Map([['y', ops.matMul(x, x)]]);
};
