import { PRESETS, presetModel, type SizedModel } from './model';

/** Every number of a model; sizes in tokens and vector components, dropouts as probabilities. */
export interface ResolvedModel {
  readonly vocabularySize: number;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly attentionHeads: number;
  readonly intermediateSize: number;
  readonly maxPositions: number;
  readonly dropout: number;
  readonly attentionDropout: number;
}

/**
 * Fills in what the experiment leaves to its preset.
 *
 * @param vocabularySize how many tokens the trained tokenizer really has, which may be fewer than were asked for
 */
export function resolveModel(model: SizedModel, vocabularySize: number): ResolvedModel {
  const chosen = typeof model === 'string' ? presetModel(model) : model;
  const preset = PRESETS[chosen.preset];
  const hiddenSize = chosen.hiddenSize ?? preset.hiddenSize;
  return {
    vocabularySize,
    layers: chosen.layers ?? preset.layers,
    hiddenSize,
    attentionHeads: chosen.attentionHeads ?? preset.attentionHeads,
    intermediateSize: chosen.intermediateSize ?? 4 * hiddenSize,
    maxPositions: chosen.maxPositions,
    dropout: chosen.dropout,
    attentionDropout: chosen.attentionDropout,
  };
}
