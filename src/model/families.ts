import type { Variant } from './config';

/** Models of BERT's family: how each names its tensors, and where it departs from BERT. */
export interface Family {
  /** What the names of the encoder's tensors begin with; models saved without a head leave it out. */
  readonly prefix: string;
  /** Names of a part of the model, and ours for it; the first that fits is used. */
  readonly names: readonly (readonly [theirs: RegExp, ours: string])[];
  /** Its names in `config.json` for what BERT calls otherwise. */
  readonly fields: Readonly<Record<string, string>>;
  /** Rows of the position embeddings before that of the first position. */
  readonly positionOffset: (padId: number) => number;
  /** The padding's id where `config.json` does not say. */
  readonly padId: number;
  readonly relativeBuckets: Variant['relativeBuckets'];
  /** Whether the language-model head has the activation of the feed-forward blocks; otherwise it is GELU, whatever theirs is. */
  readonly headFollows: boolean;
}

/** RoBERTa's language-model head, which MPNet has as well. */
const ROBERTA_HEAD = [
  [/^lm_head\.dense\./, 'cls.predictions.transform.dense.'],
  [/^lm_head\.layer_norm\./, 'cls.predictions.transform.LayerNorm.'],
  [/^lm_head\./, 'cls.predictions.'],
] as const;

const BERT_FAMILY: Family = {
  prefix: 'bert.',
  names: [],
  fields: {},
  positionOffset: () => 0,
  padId: 0,
  relativeBuckets: 0,
  headFollows: true,
};

const ROBERTA: Family = {
  prefix: 'roberta.',
  names: [[/^roberta\./, 'bert.'], ...ROBERTA_HEAD],
  fields: {},
  // Positions are counted from the padding's id, whose own row is never read.
  positionOffset: (padId) => padId + 1,
  padId: 1,
  relativeBuckets: 0,
  headFollows: false,
};

const DISTILBERT: Family = {
  prefix: 'distilbert.',
  names: [
    [/^distilbert\.embeddings\./, 'bert.embeddings.'],
    [/^distilbert\.transformer\.(layer\.\d+)\.attention\.q_lin\./, 'bert.encoder.$1.attention.self.query.'],
    [/^distilbert\.transformer\.(layer\.\d+)\.attention\.k_lin\./, 'bert.encoder.$1.attention.self.key.'],
    [/^distilbert\.transformer\.(layer\.\d+)\.attention\.v_lin\./, 'bert.encoder.$1.attention.self.value.'],
    [/^distilbert\.transformer\.(layer\.\d+)\.attention\.out_lin\./, 'bert.encoder.$1.attention.output.dense.'],
    [/^distilbert\.transformer\.(layer\.\d+)\.sa_layer_norm\./, 'bert.encoder.$1.attention.output.LayerNorm.'],
    [/^distilbert\.transformer\.(layer\.\d+)\.ffn\.lin1\./, 'bert.encoder.$1.intermediate.dense.'],
    [/^distilbert\.transformer\.(layer\.\d+)\.ffn\.lin2\./, 'bert.encoder.$1.output.dense.'],
    [/^distilbert\.transformer\.(layer\.\d+)\.output_layer_norm\./, 'bert.encoder.$1.output.LayerNorm.'],
    [/^vocab_transform\./, 'cls.predictions.transform.dense.'],
    [/^vocab_layer_norm\./, 'cls.predictions.transform.LayerNorm.'],
    [/^vocab_projector\.bias/, 'cls.predictions.bias'],
    [/^vocab_projector\.weight/, 'cls.predictions.decoder.weight'],
  ],
  fields: {
    hidden_size: 'dim',
    num_hidden_layers: 'n_layers',
    num_attention_heads: 'n_heads',
    intermediate_size: 'hidden_dim',
    hidden_act: 'activation',
    hidden_dropout_prob: 'dropout',
    attention_probs_dropout_prob: 'attention_dropout',
  },
  positionOffset: () => 0,
  padId: 0,
  relativeBuckets: 0,
  headFollows: true,
};

const MPNET: Family = {
  prefix: 'mpnet.',
  names: [
    [/^mpnet\.encoder\.(layer\.\d+)\.attention\.attn\.q\./, 'bert.encoder.$1.attention.self.query.'],
    [/^mpnet\.encoder\.(layer\.\d+)\.attention\.attn\.k\./, 'bert.encoder.$1.attention.self.key.'],
    [/^mpnet\.encoder\.(layer\.\d+)\.attention\.attn\.v\./, 'bert.encoder.$1.attention.self.value.'],
    [/^mpnet\.encoder\.(layer\.\d+)\.attention\.attn\.o\./, 'bert.encoder.$1.attention.output.dense.'],
    [/^mpnet\.encoder\.(layer\.\d+)\.attention\.LayerNorm\./, 'bert.encoder.$1.attention.output.LayerNorm.'],
    [/^mpnet\./, 'bert.'],
    ...ROBERTA_HEAD,
  ],
  fields: {},
  // It counts from 1, whatever the padding's id is.
  positionOffset: () => 2,
  padId: 1,
  relativeBuckets: 32,
  headFollows: false,
};

/** What an MPNet is in a checkpoint: BERT's names and positions with MPNet's bias. transformers knows no such model, and refuses it. */
export const RELATIVE_BERT = 'bert-relative';

/** The families that can be read, by `model_type` in `config.json`. */
export const FAMILIES: Readonly<Record<string, Family>> = {
  bert: BERT_FAMILY,
  roberta: ROBERTA,
  'xlm-roberta': ROBERTA,
  camembert: ROBERTA,
  distilbert: DISTILBERT,
  mpnet: MPNET,
  [RELATIVE_BERT]: { ...BERT_FAMILY, relativeBuckets: MPNET.relativeBuckets },
};

/** The parts of an encoder, whose names lack the family's prefix in a model that was saved without a head. */
const BARE = /^(embeddings|encoder|transformer|pooler)\./;

/** A tensor's name in a model of a family, as we call it. Names of before 2019 (`gamma`, `beta`) are read as well. */
export function ourName({ prefix, names }: Family, theirs: string): string {
  const modern = theirs.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
  const full = BARE.test(modern) ? `${prefix}${modern}` : modern;
  const rule = names.find(([pattern]) => pattern.test(full));
  return rule ? full.replace(rule[0], rule[1]) : full;
}
