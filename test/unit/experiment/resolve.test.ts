import { describe, expect, it } from 'vitest';
import type { SizedModel } from '../../../src/experiment/model';
import { resolveModel } from '../../../src/experiment/resolve';
import { schema } from './standIn';

const model = (model: unknown): SizedModel => schema.parse({ model, objectives: [{ type: 'mlm' }] }).model as SizedModel;

describe('resolveModel', () => {
  it.each([
    ['tiny', 2, 128, 2],
    ['mini', 4, 256, 4],
    ['small', 4, 512, 8],
    ['base', 12, 768, 12],
  ])('%s is %i layers of %i numbers with %i heads', (preset, layers, hiddenSize, attentionHeads) => {
    const expected = {
      vocabularySize: 1234,
      layers,
      hiddenSize,
      attentionHeads,
      intermediateSize: 4 * hiddenSize,
      maxPositions: 512,
      dropout: 0.1,
      attentionDropout: 0.1,
    };
    expect(resolveModel(model(preset), 1234)).toEqual(expected);
    expect(resolveModel(model({ preset }), 1234)).toEqual(expected);
  });

  it('takes what is written over the preset, and the feed-forward width from the written hidden size', () => {
    expect(resolveModel(model({ preset: 'mini', layers: 3, hiddenSize: 64, dropout: 0 }), 10)).toEqual({
      vocabularySize: 10,
      layers: 3,
      hiddenSize: 64,
      attentionHeads: 4,
      intermediateSize: 256,
      maxPositions: 512,
      dropout: 0,
      attentionDropout: 0.1,
    });
    expect(resolveModel(model({ intermediateSize: 100 }), 10).intermediateSize).toBe(100);
  });

  it('starts from tiny when no preset is named', () => {
    expect(resolveModel(model({}), 10)).toEqual(resolveModel(model('tiny'), 10));
  });
});
