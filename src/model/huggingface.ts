import { existsSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import * as z from 'zod';
import { UserError } from '../shared/errors';
import { shortened } from '../shared/format';
import { BERT, TOKEN_TYPES, variantOf, type Activation, type ModelConfig, type Variant } from './config';
import { FAMILIES, RELATIVE_BERT, type Family } from './families';
import { initialiserRange } from './parameters';

/** `config.json` as transformers writes it for `BertForMaskedLM`. */
export function toHuggingFaceConfig(config: ModelConfig, padId: number): Record<string, unknown> {
  const { layerNormEpsilon, activation, relativeBuckets, tied } = variantOf(config);
  return {
    architectures: ['BertForMaskedLM'],
    model_type: relativeBuckets > 0 ? RELATIVE_BERT : 'bert',
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.attentionHeads,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    type_vocab_size: TOKEN_TYPES,
    hidden_act: activation,
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attentionDropout,
    layer_norm_eps: layerNormEpsilon,
    initializer_range: initialiserRange(config),
    pad_token_id: padId,
    position_embedding_type: 'absolute',
    tie_word_embeddings: tied,
    torch_dtype: 'float32',
  };
}

/** The names that transformers has for the activations here. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_new',
  gelu_fast: 'gelu_new',
  gelu_pytorch_tanh: 'gelu_new',
  relu: 'relu',
};

const oneOf = <T extends string>(names: readonly T[]): z.ZodType<T> =>
  z.custom<T>((name) => names.includes(name as T), `must be ${names.map((name) => `"${name}"`).join(', ')}`);

/** What is read of `config.json`, in BERT's terms. */
const Fields = z.looseObject({
  vocab_size: z.int().positive(),
  hidden_size: z.int().positive(),
  // More than any model has, and few enough to list the tensors of each.
  num_hidden_layers: z.int().nonnegative().max(1000),
  num_attention_heads: z.int().positive(),
  intermediate_size: z.int().positive(),
  max_position_embeddings: z.int().positive(),
  hidden_act: oneOf(Object.keys(ACTIVATIONS)).default('gelu'),
  layer_norm_eps: z.number().positive().default(BERT.layerNormEpsilon),
  hidden_dropout_prob: z.number().min(0).lt(1).default(0.1),
  attention_probs_dropout_prob: z.number().min(0).lt(1).default(0.1),
  position_embedding_type: oneOf(['absolute']).default('absolute'),
  pad_token_id: z.int().nonnegative().nullish(),
  tie_word_embeddings: z.boolean().default(true),
  relative_attention_num_buckets: z.int().optional(),
});

/** A model's size in our terms, and how to read its tensors. */
export interface HuggingFaceConfig {
  readonly config: ModelConfig;
  readonly family: Family;
  /** Rows of the position embeddings before that of the first position. */
  readonly positionOffset: number;
}

/** {@link readHuggingFace} without how its tensors are read. */
export const readHuggingFaceConfig = (folder: string): ModelConfig => readHuggingFace(folder).config;

/**
 * Reads `config.json` of a model folder.
 *
 * @throws UserError (code `model`) that names the file and the field when it is missing or not of a family that can be read
 */
export function readHuggingFace(folder: string): HuggingFaceConfig {
  const path = join(folder, 'config.json');
  if (!existsSync(path))
    throw new UserError(`${folder} has no config.json.`, 'Choose a run folder, or a model folder as Hugging Face lays it out.', 'model');
  let json: Record<string, unknown>;
  try {
    json = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new UserError(`${path} is not a JSON object.`, 'Restore the file, or choose another model.', 'model', { cause: error });
  }
  const type = json.model_type;
  if (typeof type !== 'string') throw refusal(path, 'it says no "model_type"');
  const family = Object.hasOwn(FAMILIES, type) ? FAMILIES[type] : undefined;
  if (!family) throw refusal(path, `"model_type" is "${shortened(type)}"`);
  const result = Fields.safeParse(Object.fromEntries(Object.entries(json).map(([name, value]) => [bertField(family, name), value])));
  if (!result.success) {
    const [issue] = result.error.issues;
    const field = String(issue?.path[0]);
    throw refusal(path, `"${family.fields[field] ?? field}": ${issue?.message ?? 'not as expected'}`);
  }
  const fields = result.data;
  const activation = ACTIVATIONS[fields.hidden_act]!;
  if (!family.headFollows && activation !== 'gelu') throw refusal(path, `"hidden_act" is "${fields.hidden_act}", with another in the head`);
  const { relativeBuckets } = family;
  if (relativeBuckets > 0 && (fields.relative_attention_num_buckets ?? relativeBuckets) !== relativeBuckets)
    throw refusal(path, `"relative_attention_num_buckets" is not ${relativeBuckets}`);
  if (fields.hidden_size % fields.num_attention_heads !== 0)
    throw refusal(path, `a hidden size of ${fields.hidden_size} cannot be divided among ${fields.num_attention_heads} attention heads`);
  const positionOffset = family.positionOffset(fields.pad_token_id ?? family.padId);
  if (fields.max_position_embeddings <= positionOffset)
    throw refusal(path, `"max_position_embeddings" leaves no position after the first ${positionOffset}`);
  const variant: Variant = { layerNormEpsilon: fields.layer_norm_eps, activation, relativeBuckets, tied: fields.tie_word_embeddings };
  return { config: { ...sizes(fields, positionOffset), ...departure(variant) }, family, positionOffset };
}

const sizes = (fields: z.output<typeof Fields>, positionOffset: number): ModelConfig => ({
  vocabularySize: fields.vocab_size,
  layers: fields.num_hidden_layers,
  hiddenSize: fields.hidden_size,
  attentionHeads: fields.num_attention_heads,
  intermediateSize: fields.intermediate_size,
  maxPositions: fields.max_position_embeddings - positionOffset,
  dropout: fields.hidden_dropout_prob,
  attentionDropout: fields.attention_probs_dropout_prob,
});

/** A variant as a part of a configuration: left out where it is BERT's own. */
export const departure = (variant: Variant): Pick<ModelConfig, 'variant'> => (isDeepStrictEqual(variant, BERT) ? {} : { variant });

/** BERT's name of a family's field. */
const bertField = ({ fields }: Family, theirs: string): string => Object.keys(fields).find((ours) => fields[ours] === theirs) ?? theirs;

const refusal = (path: string, problem: string): UserError =>
  new UserError(
    `${path}: ${problem}: this model cannot be read.`,
    `Encoders of these families can be read: ${Object.keys(FAMILIES)
      .filter((type) => type !== RELATIVE_BERT)
      .join(', ')}.`,
    'model',
  );
