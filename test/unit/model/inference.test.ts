import { describe, expect, it } from 'vitest';
import { importModel } from '../../../src/onnx/import';
import { DECODER } from '../../../src/model/decoder';
import { decoderModel, encoderModel } from '../../../src/model/inference';
import { DECODER_HEAD, decoderParameters, encoderParameters, mlmHeadParameters, type ParameterSpec } from '../../../src/model/parameters';
import { filled } from '../../../src/onnx/types';
import { tinyModel } from '../objectives/fixtures';

const zeros = (specs: readonly ParameterSpec[]) => new Map(specs.map(({ name, shape }) => [name, filled('float32', shape, 0)]));

describe('models for other programs', () => {
  it('can be written for any number of positions', () => {
    for (const maxPositions of [8, 9, 10, 14, 16, 17, 18, 32, 127, 8192]) {
      const config = { ...tinyModel, maxPositions };
      const own = [...encoderParameters(config), ...mlmHeadParameters(config)];
      const shape = [1, 3];
      for (const causal of [false, true]) {
        const shapes = { input_ids: shape, attention_mask: shape, token_type_ids: shape };
        const { outputs } = importModel(encoderModel(config, zeros(own), { predicts: true, causal }), { shapes });
        expect(outputs.get('logits')!.shape).toEqual([1, 3, config.vocabularySize]);
      }
      const writing = { stack: { prefix: DECODER, layers: 1 }, head: DECODER_HEAD, longest: 8 };
      const model = decoderModel(config, zeros([...own, ...decoderParameters(config, 1)]), writing);
      const shapes = { input_ids: shape, encoder_hidden_states: [1, 5, config.hiddenSize], encoder_attention_mask: [1, 5] };
      expect(importModel(model, { shapes }).outputs.get('logits')!.shape).toEqual([1, 3, config.vocabularySize]);
    }
  });
});
