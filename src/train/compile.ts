import { input, scope, type Outputs, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { optimise, type Target } from '../onnx/optimise';
import { counterDropout } from '../model/dropout';
import { encoderParameters, lookUp, parameterInputs, type ParameterSpec } from '../model/parameters';
import type { ModelConfig } from '../model/config';
import type { Batch, Feeds, Loss, LossContext } from '../objectives/objective';
import type { Instance } from '../objectives';
import type { GradientOptions } from './step';

/** A uint32 scalar from which all dropout masks of a step follow. */
export const DROPOUT_KEY = 'dropoutKey';

export const feedName = (objective: string, name: string): string => `${objective}.${name}`;

/** A batch under the names that the graph of all objectives gives its inputs. */
export const feedsOf = (objective: string, batch: Batch): [string, Batch[string]][] =>
  Object.entries(batch).map(([name, tensor]) => [feedName(objective, name), tensor]);

/** Every trainable tensor of a model with these objectives, each once. */
export function parametersOf(config: ModelConfig, instances: readonly Instance[]): ParameterSpec[] {
  const specs = [...encoderParameters(config), ...instances.flatMap(({ parameters }) => parameters)];
  return [...new Map(specs.map((spec) => [spec.name, spec])).values()];
}

/** The losses of weighted objectives over one shared encoder, and the parameters that they train. */
export function trainingLosses(config: ModelConfig, instances: readonly Instance[]): GradientOptions {
  const dropout = counterDropout(input(DROPOUT_KEY, 'uint32', []));
  return {
    specs: parametersOf(config, instances),
    losses: (parameters) =>
      instances.map(({ type, weight, feeds, loss }) => ({
        name: type,
        weight,
        loss: scope(type, () => loss({ parameters, dropout, batch: batchInputs(type, feeds) }).loss),
      })),
  };
}

/** The held-out losses and metrics of one objective: outputs `loss` and `metric:<name>`. */
export function compileEvaluation(
  config: ModelConfig,
  { type, parameters: extra, evaluationFeeds, evaluation }: Instance,
  target: Target,
): Outputs {
  const specs = [...encoderParameters(config), ...extra];
  const context: LossContext = {
    parameters: lookUp(parameterInputs(specs)),
    dropout: counterDropout(input(DROPOUT_KEY, 'uint32', [])),
    batch: batchInputs(type, evaluationFeeds),
  };
  const { loss, metrics = {} }: Loss = scope(type, () => evaluation(context));
  return optimise(
    new Map([['loss', loss], ...Object.entries(metrics).map(([name, value]): [string, Value] => [`metric:${name}`, value])]),
    target,
  );
}

function batchInputs(objective: string, feeds: Feeds): (name: string) => Value {
  const inputs = new Map(Object.entries(feeds).map(([name, { dtype, shape }]) => [name, input(feedName(objective, name), dtype, shape)]));
  return (name) => {
    const value = inputs.get(name);
    if (!value) throw new Error(`The objective "${objective}" feeds no "${name}".`);
    return value;
  };
}

/** A one-operator graph that tells whether a device works at all. */
export const probeGraph = (): Outputs => {
  const x = input('x', 'float32', [2, 2]);
  return new Map([['y', ops.matMul(x, x)]]);
};
