import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../shared/errors';
import { initialiserRange } from './parameters';
import { LAYER_NORM_EPSILON, TOKEN_TYPES, type ModelConfig } from './config';

/** `config.json` as transformers writes it for `BertForMaskedLM`. */
export function toHuggingFaceConfig(config: ModelConfig, padId: number): Record<string, unknown> {
  return {
    architectures: ['BertForMaskedLM'],
    model_type: 'bert',
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.attentionHeads,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    type_vocab_size: TOKEN_TYPES,
    hidden_act: 'gelu',
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attentionDropout,
    layer_norm_eps: LAYER_NORM_EPSILON,
    initializer_range: initialiserRange(config),
    pad_token_id: padId,
    position_embedding_type: 'absolute',
    tie_word_embeddings: true,
    torch_dtype: 'float32',
  };
}

const BertConfig = z.looseObject({
  model_type: z.literal('bert'),
  vocab_size: z.int().positive(),
  hidden_size: z.int().positive(),
  // More than any model has, and few enough to list the tensors of each.
  num_hidden_layers: z.int().nonnegative().max(1000),
  num_attention_heads: z.int().positive(),
  intermediate_size: z.int().positive(),
  max_position_embeddings: z.int().positive(),
  hidden_act: z.literal('gelu').default('gelu'),
  layer_norm_eps: z.literal(LAYER_NORM_EPSILON).default(LAYER_NORM_EPSILON),
  type_vocab_size: z.literal(TOKEN_TYPES).default(TOKEN_TYPES),
  hidden_dropout_prob: z.number().default(0.1),
  attention_probs_dropout_prob: z.number().default(0.1),
});

/** Reads `config.json` of a model folder. @throws UserError (code `model`) when it is missing or not a BERT of the usual kind */
export function readHuggingFaceConfig(folder: string): ModelConfig {
  const path = join(folder, 'config.json');
  if (!existsSync(path))
    throw new UserError(`${folder} has no config.json.`, 'Choose a run folder, or a model folder as Hugging Face lays it out.', 'model');
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(`${path} is not valid JSON.`, 'Restore the file, or choose another model.', 'model', { cause: error });
  }
  const result = BertConfig.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UserError(
      `${path}: "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'not a BERT configuration'}.`,
      'Only BERT encoders can be read so far.',
      'model',
    );
  }
  const config = result.data;
  return {
    vocabularySize: config.vocab_size,
    layers: config.num_hidden_layers,
    hiddenSize: config.hidden_size,
    attentionHeads: config.num_attention_heads,
    intermediateSize: config.intermediate_size,
    maxPositions: config.max_position_embeddings,
    dropout: config.hidden_dropout_prob,
    attentionDropout: config.attention_probs_dropout_prob,
  };
}
