import { createObjective, ObjectiveOptions, type Instance } from '../../../src/objectives';
import type { ObjectiveContext } from '../../../src/objectives/objective';
import type { ModelConfig } from '../../../src/model/config';
import { initialise } from '../../../src/model/parameters';
import { filled, type Tensor } from '../../../src/onnx/types';
import type { Split } from '../../../src/text/dataset';
import type { SplitName } from '../../../src/text/shards';
import type { Table } from '../../../src/text/table';
import { vocabularyOf, type Vocabulary } from '../../../src/text/vocabulary';
import { hash32 } from '../../../src/shared/random';
import { parametersOf } from '../../../src/train/compile';

export const special = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };
/** The first id that is no special token. */
export const FIRST_WORD = 5;

interface VocabularyOptions {
  /** Special tokens beyond BERT's five. */
  readonly specials?: readonly number[];
  readonly startsWord?: (id: number) => boolean;
  readonly count?: (id: number) => number;
}

export function vocabularyFor(
  size: number,
  { specials = [], startsWord = () => true, count = () => 1 }: VocabularyOptions = {},
): Vocabulary {
  const ids = Array.from({ length: size }, (_, id) => id);
  const isSpecial = (id: number): boolean => id < FIRST_WORD || specials.includes(id);
  return vocabularyOf({
    special,
    specials: Uint8Array.from(ids, (id) => Number(isSpecial(id))),
    starts: Uint8Array.from(ids, (id) => Number(startsWord(id))),
    counts: Float64Array.from(ids, (id) => (isSpecial(id) ? 0 : count(id))),
  });
}

export const tinyModel: ModelConfig = {
  vocabularySize: 1000,
  layers: 1,
  hiddenSize: 8,
  attentionHeads: 2,
  intermediateSize: 16,
  maxPositions: 64,
  dropout: 0.1,
  attentionDropout: 0.1,
};

export const contextOf = (given: Partial<ObjectiveContext> = {}): ObjectiveContext => ({
  config: tinyModel,
  vocabulary: vocabularyFor(tinyModel.vocabularySize),
  tokens: [],
  seed: 1,
  steps: 100,
  types: [],
  ...given,
});

export const create = (options: object, context: Partial<ObjectiveContext> = {}): Instance =>
  createObjective(ObjectiveOptions.parse(options), contextOf(context));

/** Weights to begin with, larger than a model's own, so that dropout and tokens make a difference. */
export function weightsOf(config: ModelConfig, instance: Instance): Map<string, Tensor> {
  return new Map(
    parametersOf(config, [instance]).map((spec): [string, Tensor] => {
      const value = filled('float32', spec.shape, 0);
      initialise(value, spec, 1, 0.3);
      return [spec.name, value];
    }),
  );
}

/** Sentences of token ids in documents. */
export type Documents = readonly (readonly (readonly number[])[])[];

interface SplitOptions {
  readonly name?: SplitName;
  readonly tables?: Readonly<Record<string, Table>>;
}

/** A corpus in memory, laid out as the token shards are: [SEP] after each document. */
export function splitOf(documents: Documents, { name = 'train', tables = {} }: SplitOptions = {}): Split {
  const stream = Int32Array.from(documents.flatMap((sentences) => [...sentences.flat(), special.sep]));
  const sentences = documents.flat();
  const owners = documents.flatMap((document, i) => document.map(() => i));
  const starts = documents.reduce<number[]>((all, document) => [...all, all.at(-1)! + document.length], [0]);
  return {
    name,
    tokenCount: stream.length,
    sentenceCount: sentences.length,
    documentCount: documents.length,
    tokens: (start, length) => {
      if (start < 0 || start + length > stream.length) throw new RangeError(`There are no ${length} tokens from ${start} on.`);
      return stream.slice(start, start + length);
    },
    sentence: (index) => Int32Array.from(sentences[index]!),
    documentOf: (sentence) => owners[sentence]!,
    sentencesOf: (document) => [starts[document]!, starts[document + 1]!],
    tables: new Map(Object.entries(tables)),
  };
}

/** A stream of distinct tokens, or nearly so, as one document of sentences of ten. */
export const countingSplit = (length: number, name: SplitName = 'train'): Split =>
  splitOf([Array.from({ length: length / 10 }, (_, i) => Array.from({ length: 10 }, (_, j) => FIRST_WORD + ((10 * i + j) % 995)))], {
    name,
  });

/** Documents of random sentences, every one different from all others. */
export function randomDocuments(count: number, sentences: (document: number) => number, length: (key: number) => number): number[][][] {
  return Array.from({ length: count }, (_, document) =>
    Array.from({ length: sentences(document) }, (_, sentence) => {
      const key = hash32(77, document, sentence);
      return Array.from({ length: length(key) }, (_, i) => FIRST_WORD + (hash32(key, i) % 995));
    }),
  );
}

export const tableOf = (rows: readonly Readonly<Record<string, readonly number[]>>[], scores: readonly number[] = []): Table => ({
  rows: rows.length,
  columns: Object.keys(rows[0] ?? {}),
  tokens: (row, column) => Int32Array.from(rows[row]![column]!),
  score: (row) => scores[row] ?? 0,
});

/** A tensor's elements as plain numbers. */
export const plain = ({ data }: Tensor): number[] => Array.from(data as ArrayLike<number | bigint>, Number);

/** The rows of a matrix of plain numbers. */
export function rowsOf(matrix: Tensor): number[][] {
  const width = matrix.shape[1]!;
  const all = plain(matrix);
  return Array.from({ length: matrix.shape[0]! }, (_, row) => all.slice(row * width, (row + 1) * width));
}

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
export const mean = (values: readonly number[]): number => sum(values) / values.length;
