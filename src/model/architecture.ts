import type { Tensor } from '../onnx/types';
import type { ModelConfig } from './config';
import { toHuggingFaceConfig } from './huggingface';
import { WORD_EMBEDDINGS } from './parameters';

/** Which of transformers' classes a trained model is, with the configuration and the tensors under the names that the class asks for. */
export interface Architecture {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Whether its logits are those of masked language modelling. */
  readonly predicts: boolean;
  /** Whether the encoder stands by itself, under BERT's names. */
  readonly isBert: boolean;
}

interface Trained {
  readonly config: ModelConfig;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly padId: number;
  readonly clsId: number;
  readonly sepId: number;
  /** Layers of the decoder, if there is one. */
  readonly decoderLayers: number | undefined;
}

/** The class that says most of what these objectives have trained; what belongs to none of it (a projection head, a generator) is left away. */
export function architectureOf(types: readonly string[], trained: Trained): Architecture {
  const { config, parameters, padId, clsId, sepId, decoderLayers = config.layers } = trained;
  const bert = toHuggingFaceConfig(config, padId);
  const keep = (...prefixes: string[]): Map<string, Tensor> =>
    new Map([...parameters].filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix))));
  const made = (name: string, tensors: Map<string, Tensor>, changes: object = {}, predicts = false): Architecture => ({
    name,
    config: { ...bert, architectures: [name], ...changes },
    tensors,
    predicts,
    isBert: (changes as { model_type?: string }).model_type === undefined,
  });
  const encoder = ['bert.embeddings.', 'bert.encoder.'];
  const [pooler, predictions, relation] = ['bert.pooler.', 'cls.predictions.', 'cls.seq_relationship.'];
  if (types.includes('mlm'))
    return types.includes('nsp')
      ? made('BertForPreTraining', keep(...encoder, pooler, predictions, relation), {}, true)
      : made('BertForMaskedLM', keep(...encoder, predictions), {}, true);
  if (types.includes('clm')) return made('BertLMHeadModel', keep(...encoder, predictions), { is_decoder: true });
  if (types.includes('seq2seq')) {
    const part = { ...bert, architectures: undefined };
    const decoder = { ...part, num_hidden_layers: decoderLayers, is_decoder: true, add_cross_attention: true };
    const changes = {
      model_type: 'encoder-decoder',
      encoder: part,
      decoder,
      decoder_start_token_id: clsId,
      eos_token_id: sepId,
      is_encoder_decoder: true,
    };
    const tensors = new Map([
      ...[...keep(...encoder)].map(([name, value]) => [`encoder.${name.slice('bert.'.length)}`, value] as const),
      ...keep('decoder.'),
      // The decoder's own embeddings are the encoder's.
      [`decoder.${WORD_EMBEDDINGS}.weight`, parameters.get(`${WORD_EMBEDDINGS}.weight`)!] as const,
    ]);
    return made('EncoderDecoderModel', tensors, changes);
  }
  if (types.includes('rtd')) {
    const tensors = [...keep(...encoder)].map(([name, value]) => [`electra.${name.slice('bert.'.length)}`, value] as const);
    const changes = { model_type: 'electra', embedding_size: config.hiddenSize };
    return made('ElectraForPreTraining', new Map([...tensors, ...keep('discriminator_predictions.')]), changes);
  }
  if (types.includes('nsp')) return made('BertForNextSentencePrediction', keep(...encoder, pooler, relation));
  return made('BertModel', keep(...encoder, pooler));
}
