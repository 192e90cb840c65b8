import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { UserError } from '../shared/errors';
import { sameShape, size, type Shape, type Tensor } from '../onnx/types';
import { TOKEN_TYPES, variantOf, type ModelConfig } from './config';
import { ourName } from './families';
import { departure, readHuggingFace, type HuggingFaceConfig } from './huggingface';
import { encoderParameters, LM_DECODER, LM_HEAD, mlmHeadParameters, WORD_EMBEDDINGS } from './parameters';
import { readSafetensors } from './safetensors';

/** A model of BERT's family from elsewhere, in our terms. */
export interface Pretrained {
  readonly config: ModelConfig;
  /** All its tensors, those of its encoder complete; of other names than ours those that mean nothing here. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** Whether its masked-language-model head is among them. */
  readonly predicts: boolean;
}

const INDEX = 'model.safetensors.index.json';
const WHOLE = 'model.safetensors';

/** A file beside the index, nothing that leads elsewhere. */
const Index = z.looseObject({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+\.safetensors$/)) });

/** The files that hold a model's weights, by their names in its folder. @throws UserError (code `model`) when there are none that can be read */
export function weightFiles(folder: string): string[] {
  if (existsSync(join(folder, WHOLE))) return [WHOLE];
  if (existsSync(join(folder, INDEX))) return shardsOf(join(folder, INDEX));
  if (!existsSync(join(folder, 'pytorch_model.bin')) && !existsSync(join(folder, 'pytorch_model.bin.index.json')))
    throw new UserError(`${folder} has no ${WHOLE}.`, 'Choose a model folder that has its weights.', 'model');
  throw new UserError(
    `${folder} has its weights as pytorch_model.bin only. That is a pickle, which can run code when it is read, and is not opened here.`,
    `Convert it: python -c "from transformers import AutoModelForMaskedLM as M; M.from_pretrained('${folder}').save_pretrained('${folder}')" writes ${WHOLE} beside it.`,
    'model',
  );
}

/** Names of the files that an index of shards lists. */
export function shardsOf(index: string): string[] {
  try {
    return [...new Set(Object.values(Index.parse(JSON.parse(readFileSync(index, 'utf8'))).weight_map))].sort();
  } catch (error) {
    throw new UserError(`${index} is damaged, or no index of safetensors files.`, 'Download the model again.', 'model', { cause: error });
  }
}

/**
 * Reads a model folder as Hugging Face lays it out: BERT, RoBERTa, DistilBERT, MPNet and what has their architecture, with or without heads. What the
 * families only number or leave out differently becomes BERT's: positions count from 0, and there are two token types. Half precision becomes single.
 *
 * @throws UserError (code `model`) that names the file, and the tensor that is missing or has another shape than config.json says
 */
export function readPretrained(folder: string): Pretrained {
  const source = readHuggingFace(folder);
  const parameters = new Map<string, Tensor>();
  for (const file of weightFiles(folder))
    for (const [name, tensor] of readSafetensors(join(folder, file))) parameters.set(ourName(source.family, name), tensor);
  renumber(parameters, source, folder);
  const { variant: _, ...sizes } = source.config;
  const config = { ...sizes, ...departure({ ...variantOf(source.config), tied: isTied(parameters) }) };
  for (const { name, shape } of encoderParameters(config)) check(parameters.get(name), name, shape, folder);
  const head = mlmHeadParameters(config);
  const predicts = head.every(({ name }) => parameters.has(name));
  for (const { name, shape } of head) if (predicts) check(parameters.get(name), name, shape, folder);
  return { config, parameters, predicts };
}

const TYPES = 'bert.embeddings.token_type_embeddings.weight';
const POSITIONS = 'bert.embeddings.position_embeddings.weight';

/** Positions from 0; two token types, of which one that was not there means what the first means; one bias for the vocabulary. */
function renumber(parameters: Map<string, Tensor>, { config, positionOffset }: HuggingFaceConfig, folder: string): void {
  const { hiddenSize, maxPositions } = config;
  const positions = parameters.get(POSITIONS);
  check(positions, POSITIONS, [maxPositions + positionOffset, hiddenSize], folder);
  parameters.set(POSITIONS, rowsOf(positions!, positionOffset, maxPositions));
  const types = parameters.get(TYPES);
  if (types) check(types, TYPES, [types.shape[0] ?? 0, hiddenSize], folder);
  const [first, second] = [0, 1].map((row) => (types && types.shape[0]! > row ? rowsOf(types, row, 1).data : undefined));
  const data = new Float32Array(TOKEN_TYPES * hiddenSize);
  if (first) data.set(first as Float32Array);
  if (first) data.set((second ?? first) as Float32Array, hiddenSize);
  parameters.set(TYPES, { dtype: 'float32', shape: [TOKEN_TYPES, hiddenSize], data });
  // There may be two of them: where nothing is tied, the one beside the matrix counts.
  const names = variantOf(config).tied ? [LM_HEAD, LM_DECODER] : [LM_DECODER, LM_HEAD];
  const bias = names.map((name) => parameters.get(`${name}.bias`)).find(Boolean);
  if (bias) parameters.set(`${LM_HEAD}.bias`, bias);
}

function rowsOf({ dtype, shape, data }: Tensor, first: number, count: number): Tensor {
  const width = size(shape.slice(1));
  return { dtype, shape: [count, ...shape.slice(1)], data: data.slice(first * width, (first + count) * width) };
}

/** Whether the head projects by the word embeddings: a matrix of its own that is the same is the tie written twice. */
function isTied(parameters: ReadonlyMap<string, Tensor>): boolean {
  const [own, words] = [parameters.get(`${LM_DECODER}.weight`), parameters.get(`${WORD_EMBEDDINGS}.weight`)];
  if (!own || !words) return true;
  return sameShape(own.shape, words.shape) && own.data.every((value, i) => value === words.data[i]);
}

function check(found: Tensor | undefined, name: string, shape: Shape, folder: string): void {
  if (!found)
    throw new UserError(
      `The model in ${folder} has no tensor "${name}", nor one that its family calls otherwise.`,
      'It is not an encoder of this kind, or its weights are incomplete.',
      'model',
    );
  if (found.dtype === 'float32' && sameShape(found.shape, shape)) return;
  throw new UserError(
    `The tensor "${name}" in ${folder} is ${found.dtype} [${found.shape.join(', ')}], and config.json asks for float32 [${shape.join(', ')}].`,
    'Use config.json and weights of the same model.',
    'model',
  );
}

/** Tensors with a row for each entry of the vocabulary. */
const OF_VOCABULARY = new Set([`${WORD_EMBEDDINGS}.weight`, `${LM_HEAD}.bias`, `${LM_DECODER}.weight`]);

/**
 * Puts the tensors of a model into those of another that is built on it: whatever has the same name and shape. A vocabulary that has grown keeps what
 * its new entries started with.
 */
export function place(source: ReadonlyMap<string, Tensor>, into: ReadonlyMap<string, Tensor>): void {
  for (const [name, { shape, data }] of into) {
    const found = source.get(name);
    if (!found) continue;
    const grown = OF_VOCABULARY.has(name) ? [shape[0]!, ...found.shape.slice(1)] : found.shape;
    if (sameShape(grown, shape) && size(found.shape) <= size(shape)) data.set(found.data as never);
  }
}
