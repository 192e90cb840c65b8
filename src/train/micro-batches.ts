import { serialise } from '../onnx/serialise';
import { tensor, type Tensor } from '../onnx/types';
import type { ModelConfig } from '../model/config';
import type { Instance } from '../objectives';
import type { Parts } from '../objectives/objective';
import { compileEvaluation, feedsOfPart, trainingLosses } from './compile';
import { Session, targetOf, type SessionOptions } from './device';
import type { Measurement } from './evaluate';
import { accumulate, directGradients, gradientTensors, normOf, type GradientSource } from './gradients';
import type { TrainingState } from './state';

/** An objective whose batches are computed in parts. */
export type DividedInstance = Instance & { readonly parts: Parts };
export const isDivided = (instance: Instance): instance is DividedInstance => instance.parts !== undefined;

/**
 * The gradient of a batch in the memory of a part of it: the mean of the parts' gradients, which are computed one after another. It is the gradient of
 * the whole batch but for rounding, and but for what is random: each part draws from a key of its own, so that no two draw the same dropout masks.
 */
export async function dividedGradients(
  config: ModelConfig,
  instance: DividedInstance,
  recompute: boolean | undefined,
  state: TrainingState,
  options: SessionOptions,
): Promise<GradientSource> {
  const { count, part } = instance.parts;
  const source = await directGradients(trainingLosses(config, [instance.parts.instance], recompute), state, options);
  const own = gradientTensors(source.specs);
  return {
    specs: source.specs,
    async compute(feeds, into) {
      for (const { data } of into.values()) data.fill(0 as never);
      const means = new Map<string, number>();
      for (let i = 0; i < count; i++) {
        for (const [name, value] of await source.compute(feedsOfPart(instance, feeds, i, part), own))
          means.set(name, (means.get(name) ?? 0) + value / count);
        for (const [name, { data }] of own) accumulate(into.get(name)!, data as Float32Array, 1 / count);
      }
      return means.set('gradientNorm', normOf(into));
    },
    release: () => source.release(),
  };
}

/** Measures held-out batches in the memory of a part. */
export async function dividedEvaluation(config: ModelConfig, instance: DividedInstance, options: SessionOptions): Promise<Measurement> {
  const { count, part, instance: small } = instance.parts;
  const session = await Session.create(serialise(compileEvaluation(config, small, targetOf(options), options.precision)), options);
  return {
    async run(feeds) {
      const means = new Map<string, Tensor>();
      for (let i = 0; i < count; i++)
        for (const [name, { data }] of await session.run(feedsOfPart(instance, feeds, i, part)))
          means.set(name, tensor('float64', [], [Number(means.get(name)?.data[0] ?? 0) + Number(data[0]) / count]));
      return means;
    },
    release: () => session.release(),
  };
}
