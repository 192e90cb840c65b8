import { input, type Value } from '../onnx/graph';
import type { Shape, Tensor } from '../onnx/types';
import { hash32, stringSeed } from '../shared/random';
import { TOKEN_TYPES, variantOf, type ModelConfig } from './config';

/** A trainable tensor: its Hugging Face name, its shape, how it starts (normally distributed, or a number), and whether weight decay applies. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: Shape;
  readonly start: 'normal' | number;
  readonly decays: boolean;
}

export const WORD_EMBEDDINGS = 'bert.embeddings.word_embeddings';

const weight = (name: string, ...shape: number[]): ParameterSpec => ({ name, shape, start: 'normal', decays: true });
const vector = (name: string, size: number, start: number): ParameterSpec => ({ name, shape: [size], start, decays: false });
const layerNorm = (name: string, size: number): ParameterSpec[] => [vector(`${name}.weight`, size, 1), vector(`${name}.bias`, size, 0)];

export const linearParameters = (name: string, from: number, to: number): ParameterSpec[] => [
  weight(`${name}.weight`, to, from),
  vector(`${name}.bias`, to, 0),
];

const attentionBlock = (name: string, h: number): ParameterSpec[] => [
  ...['query', 'key', 'value'].flatMap((part) => linearParameters(`${name}.self.${part}`, h, h)),
  ...linearParameters(`${name}.output.dense`, h, h),
  ...layerNorm(`${name}.output.LayerNorm`, h),
];

/** The layers of a stack under `prefix`, with cross-attention in a decoder's. */
function layerParameters(
  prefix: string,
  layers: number,
  { hiddenSize: h, intermediateSize }: ModelConfig,
  crossed = false,
): ParameterSpec[] {
  return Array.from({ length: layers }, (_, i) => `${prefix}.encoder.layer.${i}`).flatMap((layer) => [
    ...attentionBlock(`${layer}.attention`, h),
    ...(crossed ? attentionBlock(`${layer}.crossattention`, h) : []),
    ...linearParameters(`${layer}.intermediate.dense`, h, intermediateSize),
    ...linearParameters(`${layer}.output.dense`, intermediateSize, h),
    ...layerNorm(`${layer}.output.LayerNorm`, h),
  ]);
}

const placeEmbeddings = (prefix: string, { hiddenSize, maxPositions }: ModelConfig): ParameterSpec[] => [
  weight(`${prefix}.embeddings.position_embeddings.weight`, maxPositions, hiddenSize),
  weight(`${prefix}.embeddings.token_type_embeddings.weight`, TOKEN_TYPES, hiddenSize),
  ...layerNorm(`${prefix}.embeddings.LayerNorm`, hiddenSize),
];

/** A transform before the vocabulary, and a bias for each of its entries; the matrix is the word embeddings'. */
function predictionParameters(head: string, { vocabularySize, hiddenSize }: ModelConfig): ParameterSpec[] {
  return [
    vector(`${head}.bias`, vocabularySize, 0),
    ...linearParameters(`${head}.transform.dense`, hiddenSize, hiddenSize),
    ...layerNorm(`${head}.transform.LayerNorm`, hiddenSize),
  ];
}

/** The encoder's tensors, named and shaped as in Hugging Face's `BertForMaskedLM`. */
export const encoderParameters = (config: ModelConfig): ParameterSpec[] => [
  weight(`${WORD_EMBEDDINGS}.weight`, config.vocabularySize, config.hiddenSize),
  ...placeEmbeddings('bert', config),
  ...layerParameters('bert', config.layers, config),
  ...relativeBiasParameters(config),
];

export const RELATIVE_BIAS = 'bert.encoder.relative_attention_bias';
/** A bias for each bucket of distances and each head, which all layers share; where the encoder has one. */
function relativeBiasParameters(config: ModelConfig): ParameterSpec[] {
  const { relativeBuckets } = variantOf(config);
  return relativeBuckets > 0 ? [weight(`${RELATIVE_BIAS}.weight`, relativeBuckets, config.attentionHeads)] : [];
}

export const LM_HEAD = 'cls.predictions';
/** The head's projection onto the vocabulary, where it is not the word embeddings. */
export const LM_DECODER = 'cls.predictions.decoder';
/** The head of masked and of causal language modelling. */
export const mlmHeadParameters = (config: ModelConfig): ParameterSpec[] => [
  ...predictionParameters(LM_HEAD, config),
  ...(variantOf(config).tied ? [] : [weight(`${LM_DECODER}.weight`, config.vocabularySize, config.hiddenSize)]),
];

/** Tanh of a linear layer on the [CLS] state, which sentence-level heads read. */
export const poolerParameters = ({ hiddenSize }: ModelConfig): ParameterSpec[] =>
  linearParameters('bert.pooler.dense', hiddenSize, hiddenSize);

export const DECODER_HEAD = 'decoder.cls.predictions';
/** A decoder with its head, named as in Hugging Face's EncoderDecoderModel but for the word embeddings, which are the encoder's. */
export const decoderParameters = (config: ModelConfig, layers: number): ParameterSpec[] => [
  ...placeEmbeddings('decoder.bert', config),
  ...layerParameters('decoder.bert', layers, config, true),
  ...predictionParameters(DECODER_HEAD, config),
];

/**
 * ELECTRA's generator (Clark et al., 2020, arXiv 2003.10555): a narrower encoder over the same embeddings, and a head back to them; named as in
 * Hugging Face's ElectraForMaskedLM.
 *
 * @param config of the discriminator, whose width the embeddings have
 * @param generator of the generator's own layers
 */
export const generatorParameters = (config: ModelConfig, generator: ModelConfig): ParameterSpec[] => [
  ...linearParameters('generator.embeddings_project', config.hiddenSize, generator.hiddenSize),
  ...layerParameters('generator', generator.layers, generator),
  ...linearParameters('generator_predictions.dense', generator.hiddenSize, config.hiddenSize),
  ...layerNorm('generator_predictions.LayerNorm', config.hiddenSize),
  vector('generator_lm_head.bias', config.vocabularySize, 0),
];

/**
 * Standard deviation of initial weights: BERT's 0.02 at BERT-base's width of 768, and as much more for narrower models as keeps the variance of a
 * layer's output the same. At 0.02 a model of width 128 starts with attention so even that it takes thousands of steps to leave it.
 */
export const initialiserRange = ({ hiddenSize }: ModelConfig): number => 0.02 * Math.sqrt(768 / hiddenSize);

/** Fills in initial values: a pure function of (seed, name), so that adding a head leaves the encoder's start as it was. */
export function initialise(into: Tensor, { name, start }: ParameterSpec, seed: number, deviation: number): void {
  const data = into.data as Float32Array;
  if (start === 'normal') fillNormal(data, deviation, hash32(seed, stringSeed(name)));
  else data.fill(start);
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
