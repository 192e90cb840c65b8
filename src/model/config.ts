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
}

export const LAYER_NORM_EPSILON = 1e-12;
export const TOKEN_TYPES = 2;
