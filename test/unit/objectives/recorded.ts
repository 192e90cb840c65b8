import { expect } from 'vitest';
import { grad } from '../../../src/onnx/grad';
import type { Value } from '../../../src/onnx/graph';
import { optimise } from '../../../src/onnx/optimise';
import { serialise } from '../../../src/onnx/serialise';
import { tensor, type Tensor } from '../../../src/onnx/types';
import type { ModelConfig } from '../../../src/model/config';
import { lookUp, parameterInputs } from '../../../src/model/parameters';
import type { Instance } from '../../../src/objectives';
import type { Batch } from '../../../src/objectives/objective';
import { feedsOf, lossContext, parametersOf, STEP_KEY, stepKey } from '../../../src/train/compile';
import { Session } from '../../../src/train/device';

/** A tensor as the recorder writes it: little-endian float32 in base64. */
export interface RecordedTensor {
  readonly shape: number[];
  readonly base64: string;
}

/** What the recorder says of a model's size, in Hugging Face's terms. */
interface RecordedConfig {
  readonly vocab_size: number;
  readonly num_hidden_layers: number;
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly max_position_embeddings: number;
}

export const configOf = (recorded: RecordedConfig): ModelConfig => ({
  vocabularySize: recorded.vocab_size,
  layers: recorded.num_hidden_layers,
  hiddenSize: recorded.hidden_size,
  attentionHeads: recorded.num_attention_heads,
  intermediateSize: recorded.intermediate_size,
  maxPositions: recorded.max_position_embeddings,
  dropout: 0,
  attentionDropout: 0,
});

export function read({ shape, base64 }: RecordedTensor): Tensor & { readonly data: Float32Array } {
  const bytes = Buffer.from(base64, 'base64');
  return { dtype: 'float32', shape, data: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)) };
}

export const readAll = (recorded: Readonly<Record<string, RecordedTensor>>): Map<string, Tensor> =>
  new Map(Object.entries(recorded).map(([name, value]) => [name, read(value)]));

/** A batch of an objective from nested lists of numbers. */
export const batchOf = ({ feeds }: Instance, recorded: Readonly<Record<string, readonly number[] | readonly number[][]>>): Batch =>
  Object.fromEntries(Object.entries(feeds).map(([name, { dtype, shape }]) => [name, tensor(dtype, shape, recorded[name]!.flat())]));

export interface Measured {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** The loss of an objective as it is trained on, its metrics, and the gradient of every parameter. */
export async function measure(
  config: ModelConfig,
  instance: Instance,
  weights: ReadonlyMap<string, Tensor>,
  batch: Batch,
  key = 1,
): Promise<Measured> {
  const inputs = parameterInputs(parametersOf(config, [instance]));
  const { loss, metrics = {} } = instance.loss(lossContext(instance, lookUp(inputs), instance.feeds, stepKey()));
  const gradients = grad(loss, [...inputs.values()]);
  const outputs = new Map<string, Value>([
    ['loss', loss],
    ...Object.entries(metrics).map(([name, value]): [string, Value] => [`metric:${name}`, value]),
    ...[...inputs.keys()].map((name, i): [string, Value] => [`gradient:${name}`, gradients[i]!]),
  ]);
  const session = await Session.create(serialise(optimise(outputs, 'cpu')));
  const results = await session.run(new Map([...weights, ...feedsOf(instance.type, batch), [STEP_KEY, tensor('uint32', [], [key])]]));
  await session.release();
  const scalar = (name: string): number => Number(results.get(name)!.data[0]);
  return {
    loss: scalar('loss'),
    metrics: Object.fromEntries(Object.keys(metrics).map((name) => [name, scalar(`metric:${name}`)])),
    gradients: new Map([...inputs.keys()].map((name) => [name, results.get(`gradient:${name}`)!.data as Float32Array])),
  };
}

export const lengthOf = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** Every parameter's gradient within 0.01 % of the recorded one; where that is zero but for rounding, within a millionth of the whole gradient. */
export function expectGradients(actual: ReadonlyMap<string, Float32Array>, recorded: Readonly<Record<string, RecordedTensor>>): void {
  expect([...actual.keys()].sort()).toEqual(Object.keys(recorded).sort());
  const expected = new Map(Object.entries(recorded).map(([name, value]) => [name, read(value).data]));
  const whole = Math.hypot(...[...expected.values()].map(lengthOf));
  expect(whole).toBeGreaterThan(0);
  for (const [name, wanted] of expected) {
    const difference = wanted.map((value, i) => value - actual.get(name)![i]!);
    expect(lengthOf(difference), `gradient of ${name}`).toBeLessThan(1e-4 * lengthOf(wanted) + 1e-6 * whole);
  }
}
