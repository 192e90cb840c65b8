import { input, type Value } from '../onnx/graph';
import type { Shape, Tensor } from '../onnx/types';
import { hash32, stringSeed } from '../shared/random';
import { TOKEN_TYPES, type ModelConfig } from './config';

/** A trainable tensor: its Hugging Face name, its shape, how it starts, and whether weight decay applies. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: Shape;
  readonly start: 'normal' | 'zeros' | 'ones';
  readonly decays: boolean;
}

const weight = (name: string, ...shape: number[]): ParameterSpec => ({ name, shape, start: 'normal', decays: true });
const bias = (name: string, size: number): ParameterSpec => ({ name, shape: [size], start: 'zeros', decays: false });
const linear = (name: string, from: number, to: number): ParameterSpec[] => [weight(`${name}.weight`, to, from), bias(`${name}.bias`, to)];
const layerNorm = (name: string, size: number): ParameterSpec[] => [
  { name: `${name}.weight`, shape: [size], start: 'ones', decays: false },
  bias(`${name}.bias`, size),
];

/** The encoder's tensors, named and shaped as in Hugging Face's `BertForMaskedLM`. */
export function encoderParameters({ vocabularySize, layers, hiddenSize: h, intermediateSize, maxPositions }: ModelConfig): ParameterSpec[] {
  const embeddings = 'bert.embeddings';
  return [
    weight(`${embeddings}.word_embeddings.weight`, vocabularySize, h),
    weight(`${embeddings}.position_embeddings.weight`, maxPositions, h),
    weight(`${embeddings}.token_type_embeddings.weight`, TOKEN_TYPES, h),
    ...layerNorm(`${embeddings}.LayerNorm`, h),
    ...Array.from({ length: layers }, (_, i) => `bert.encoder.layer.${i}`).flatMap((layer) => [
      ...linear(`${layer}.attention.self.query`, h, h),
      ...linear(`${layer}.attention.self.key`, h, h),
      ...linear(`${layer}.attention.self.value`, h, h),
      ...linear(`${layer}.attention.output.dense`, h, h),
      ...layerNorm(`${layer}.attention.output.LayerNorm`, h),
      ...linear(`${layer}.intermediate.dense`, h, intermediateSize),
      ...linear(`${layer}.output.dense`, intermediateSize, h),
      ...layerNorm(`${layer}.output.LayerNorm`, h),
    ]),
  ];
}

/** The masked-language-model head: a transform, and a bias for each vocabulary entry; its matrix is the word embeddings'. */
export function mlmHeadParameters({ vocabularySize, hiddenSize }: ModelConfig): ParameterSpec[] {
  const head = 'cls.predictions';
  return [
    bias(`${head}.bias`, vocabularySize),
    ...linear(`${head}.transform.dense`, hiddenSize, hiddenSize),
    ...layerNorm(`${head}.transform.LayerNorm`, hiddenSize),
  ];
}

/**
 * Standard deviation of initial weights: BERT's 0.02 at BERT-base's width of 768, and as much more for narrower models as keeps the variance of a
 * layer's output the same. At 0.02 a model of width 128 starts with attention so even that it takes thousands of steps to leave it.
 */
export const initialiserRange = ({ hiddenSize }: ModelConfig): number => 0.02 * Math.sqrt(768 / hiddenSize);

/** Fills in initial values: a pure function of (seed, name), so that adding a head leaves the encoder's start as it was. */
export function initialise(into: Tensor, { name, start }: ParameterSpec, seed: number, deviation: number): void {
  const data = into.data as Float32Array;
  if (start === 'normal') fillNormal(data, deviation, hash32(seed, stringSeed(name)));
  else data.fill(start === 'ones' ? 1 : 0);
}

/** Normal numbers, two a draw (Box & Muller, 1958). */
function fillNormal(data: Float32Array, deviation: number, key: number): void {
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log((hash32(key, i) + 1) / 2 ** 32));
    const angle = (2 * Math.PI * hash32(key, i + 1)) / 2 ** 32;
    data[i] = radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle);
  }
}

/** Looks up a parameter by the name Hugging Face gives it. */
export type Parameters = (name: string) => Value;

/** Graph inputs for a list of parameters. */
export function parameterInputs(specs: readonly ParameterSpec[]): Map<string, Value> {
  return new Map(specs.map(({ name, shape }) => [name, input(name, 'float32', shape)]));
}

export function lookUp(values: ReadonlyMap<string, Value>): Parameters {
  return (name) => {
    const value = values.get(name);
    if (!value) throw new Error(`The model has no parameter "${name}".`);
    return value;
  };
}
