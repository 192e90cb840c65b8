/** The size of a BERT encoder (Devlin et al., 2019, arXiv 1810.04805), in Hugging Face's terms. */
export interface ModelConfig {
  readonly vocabularySize: number;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly attentionHeads: number;
  readonly intermediateSize: number;
  /** Longest sequence that has position embeddings. */
  readonly maxPositions: number;
  /** Probability with which activations are dropped in training. */
  readonly dropout: number;
  /** The same for attention probabilities. */
  readonly attentionDropout: number;
  /** Where it departs from BERT, as models that began elsewhere may; {@link BERT} when absent. */
  readonly variant?: Variant | undefined;
}

export type Activation = 'gelu' | 'gelu_new' | 'relu';

/** What encoders of BERT's family differ in beyond their size; what they only name or number differently is translated when they are read. */
export interface Variant {
  readonly layerNormEpsilon: number;
  /** Of the feed-forward blocks and of the language-model head. `gelu_new` is the approximation by tanh. */
  readonly activation: Activation;
  /** Buckets of distances that have a learned attention bias, as in MPNet (Song et al., 2020, arXiv 2004.09297); 0 for none. */
  readonly relativeBuckets: number;
  /** Whether the language-model head projects by the word embeddings, and not by a matrix of its own. */
  readonly tied: boolean;
}

export const BERT: Variant = { layerNormEpsilon: 1e-12, activation: 'gelu', relativeBuckets: 0, tied: true };

export const variantOf = ({ variant = BERT }: ModelConfig): Variant => variant;

export const TOKEN_TYPES = 2;
