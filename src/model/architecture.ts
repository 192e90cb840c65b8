import type { Tensor } from '../onnx/types';
import { variantOf, type ModelConfig } from './config';
import { toHuggingFaceConfig } from './huggingface';
import { mpnetConfig, mpnetTensors } from './mpnet';
import { LM_DECODER, LM_HEAD, WORD_EMBEDDINGS } from './parameters';
import { UserError } from '../shared/errors';

/** What a model is for, by the hub's names of tasks. */
export type Task = 'fill-mask' | 'feature-extraction' | 'text-generation' | 'text2text-generation';

/** Which of transformers' classes a trained model is, with the configuration and the tensors under the names that the class asks for. */
export interface Architecture {
  readonly name: string;
  readonly task: Task;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Our names of the parameters that the class has no place for. */
  readonly left: readonly string[];
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

const ENCODER = ['bert.embeddings.', 'bert.encoder.'];
const [POOLER, PREDICTIONS, RELATION] = ['bert.pooler.', 'cls.predictions.', 'cls.seq_relationship.'];

/** Whether transformers would give the encoder a pooler of random numbers, if it is not told to leave that. */
export const lacksPooler = ({ config, tensors }: Architecture): boolean =>
  (config.model_type === 'bert' || config.model_type === 'mpnet') && ![...tensors.keys()].some((name) => name.includes('.pooler.'));

/**
 * The class that says most of what was trained. A head that fills masks comes before one that writes, and both before the encoder alone, which every
 * model has.
 *
 * @param types of the objectives
 */
export function architectureOf(types: readonly string[], trained: Trained): Architecture {
  const { config, parameters, padId } = trained;
  const bert = toHuggingFaceConfig(config, padId);
  const { tied, relativeBuckets } = variantOf(config);
  const made: Make = (name, task, heads, { renamed = same, changes = {}, also = [] } = {}) => {
    const prefixes = [...ENCODER, ...heads];
    const [kept, left] = partition([...parameters.keys()], (key) => prefixes.some((prefix) => key.startsWith(prefix)));
    const tensors = new Map([...kept.map((key): [string, Tensor] => [renamed(key), parameters.get(key)!]), ...also]);
    return { name, task, config: { ...bert, architectures: [name], ...changes }, tensors, left };
  };
  if (relativeBuckets > 0) return mpnet(types, made);
  // transformers has the bias of a head that is not tied under a second name.
  const bias = parameters.get(`${LM_HEAD}.bias`);
  const also = !tied && bias ? [[`${LM_DECODER}.bias`, bias] as const] : [];
  if (types.includes('mlm'))
    return types.includes('nsp')
      ? made('BertForPreTraining', 'fill-mask', [POOLER, PREDICTIONS, RELATION], { also })
      : made('BertForMaskedLM', 'fill-mask', [PREDICTIONS], { also });
  if (types.includes('clm')) return made('BertLMHeadModel', 'text-generation', [PREDICTIONS], { changes: { is_decoder: true }, also });
  if (types.includes('seq2seq'))
    return {
      ...made('EncoderDecoderModel', 'text2text-generation', ['decoder.'], {
        renamed: (key) => key.replace(/^bert\./, 'encoder.'),
        // The decoder's own embeddings are the encoder's.
        also: [[`decoder.${WORD_EMBEDDINGS}.weight`, parameters.get(`${WORD_EMBEDDINGS}.weight`)!]],
      }),
      config: encoderDecoderConfig(bert, trained),
    };
  if (types.includes('rtd'))
    return made('ElectraForPreTraining', 'feature-extraction', ['discriminator_predictions.'], {
      renamed: (key) => key.replace(/^bert\./, 'electra.'),
      changes: { model_type: 'electra', embedding_size: config.hiddenSize },
    });
  if (types.includes('nsp')) return made('BertForNextSentencePrediction', 'feature-extraction', [POOLER, RELATION]);
  return made('BertModel', 'feature-extraction', [POOLER]);
}

/** Encoders with MPNet's attention bias are its own classes, of which there is none that writes or reads pairs of texts. */
function mpnet(types: readonly string[], make: Make): Architecture {
  if (types.includes('clm') || types.includes('seq2seq'))
    throw new UserError(
      'transformers has no class for a model that began as an MPNet and was trained to write.',
      'Objective Lab reads the run itself, as `objective-lab generate` does.',
      'export',
    );
  const made = types.includes('mlm')
    ? make('MPNetForMaskedLM', 'fill-mask', [PREDICTIONS])
    : make('MPNetModel', 'feature-extraction', [POOLER]);
  return { ...made, config: mpnetConfig(made.config), tensors: mpnetTensors(made.tensors) };
}

/** @param heads prefixes of the parameters that belong to the class besides the encoder's */
type Make = (name: string, task: Task, heads: readonly string[], change?: Change) => Architecture;

interface Change {
  /** The class's name of one of our parameters. */
  readonly renamed?: (key: string) => string;
  readonly changes?: object;
  readonly also?: readonly (readonly [string, Tensor])[];
}

const same = (key: string): string => key;

const partition = (keys: readonly string[], keep: (key: string) => boolean): [kept: string[], left: string[]] => [
  keys.filter(keep),
  keys.filter((key) => !keep(key)),
];

function encoderDecoderConfig(
  bert: Readonly<Record<string, unknown>>,
  { config, padId, clsId, sepId, decoderLayers }: Trained,
): Record<string, unknown> {
  const { architectures: _, ...both } = bert;
  // The decoder's head is always tied, whatever the encoder's was.
  const part: Record<string, unknown> = { ...both, tie_word_embeddings: true };
  return {
    architectures: ['EncoderDecoderModel'],
    model_type: 'encoder-decoder',
    is_encoder_decoder: true,
    encoder: part,
    decoder: { ...part, num_hidden_layers: decoderLayers ?? config.layers, is_decoder: true, add_cross_attention: true },
    decoder_start_token_id: clsId,
    eos_token_id: sepId,
    pad_token_id: padId,
    torch_dtype: part.torch_dtype,
  };
}
