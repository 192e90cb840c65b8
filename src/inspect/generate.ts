import { UserError } from '../shared/errors';
import { input, type Outputs, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { optimise } from '../onnx/optimise';
import { serialise } from '../onnx/serialise';
import { filled, tensor, type Tensor } from '../onnx/types';
import { batchFirst, keysValues, paddingBias, type KeysValues, type Surroundings } from '../model/attention';
import { encodeRows } from '../model/encoder';
import { lmLogits, pool } from '../model/heads';
import { nextPosition, type LayerMemory, type Writing } from '../model/incremental';
import { noDropout } from '../model/random';
import { lookUp, parameterInputs } from '../model/parameters';
import { Session } from '../train/device';
import { beamSearch, type Hypothesis, type SearchOptions } from './beams';
import { openModel, type OpenedModel } from './model';

export interface GenerateOptions extends Pick<SearchOptions, 'beams' | 'lengthPenalty'> {
  /** Most tokens that are written; as many as the model was trained to write when absent. */
  readonly longest?: number | undefined;
}

export interface Generated extends Hypothesis {
  readonly text: string;
}

const OUTPUT = 'logProbabilities';

/**
 * Texts by a model that was trained to write: continuations by a causal language model, answers to a text by a sequence-to-sequence one.
 *
 * @returns the best texts of beam search, best first; one for a single beam, which is greedy search
 * @throws UserError (code `model`) when the model does not write, (code `text`) when the text is too long for it
 */
export async function generate(path: string, text: string, { beams, longest, lengthPenalty }: GenerateOptions): Promise<Generated[]> {
  const model = openModel(path);
  const { tokenizer, writing, folder } = model;
  if (!writing) {
    throw new UserError(
      `The model in ${folder} was not trained to write text.`,
      'Choose a run whose objectives include "clm" or "seq2seq".',
      'model',
    );
  }
  const { cls, sep } = tokenizer.special;
  const { ids } = await tokenizer.encode(text);
  const most = writing.reads ? writing.reads.length - 2 : writing.longest - 2;
  if (ids.length > most) {
    throw new UserError(`The text has ${ids.length} tokens, and this model reads at most ${most}.`, 'Shorten it.', 'text');
  }
  const start = writing.reads ? [cls] : [cls, ...ids];
  const writer = await Writer.open(model, writing, beams, writing.reads && ids);
  try {
    const search = { beams, lengthPenalty, end: sep, longest: Math.min(longest ?? Infinity, writing.longest - start.length) };
    const found = await beamSearch(await writer.begin(start), (parents, next) => writer.next(parents, next), search);
    return await Promise.all(found.map(async (each) => ({ ...each, text: await tokenizer.decode(each.ids) })));
  } finally {
    await writer.release();
  }
}

/** Writes several texts at once from left to right, each layer's keys and values being kept. */
class Writer {
  #position = 0;
  /** What is written from and what is written into, in turn. */
  #memory: Map<string, Tensor>;
  #spare: Map<string, Tensor>;

  private constructor(
    private readonly session: Session,
    private readonly fixed: ReadonlyMap<string, Tensor>,
    private readonly beams: number,
    memory: () => Map<string, Tensor>,
  ) {
    this.#memory = memory();
    this.#spare = memory();
  }

  /** @param source content tokens of the text that is read before, if one is */
  static async open(model: OpenedModel, writing: Writing, beams: number, source: Int32Array | undefined): Promise<Writer> {
    const { parameters, tokenizer } = model;
    const { layers } = writing.stack;
    const fixed = new Map(parameters);
    if (source && writing.reads) {
      const [length, { cls, sep, pad }] = [writing.reads.length, tokenizer.special];
      const [ids, mask] = [new Float64Array(length).fill(pad), new Float64Array(length)];
      ids.set([cls, ...source, sep]);
      mask.fill(1, 0, source.length + 2);
      fixed.set('inputIds', tensor('int64', [1, length], ids)).set('attentionMask', tensor('float32', [1, length], mask));
      const reader = await Session.create(serialise(readingGraph(model, writing)));
      for (const [name, value] of await reader.run(fixed)) fixed.set(name, value);
      await reader.release();
    }
    const shape = memoryShape(model, writing, beams);
    const session = await Session.create(serialise(writingGraph(model, writing, beams, fixed), { muted: true }));
    const empty = (): Map<string, Tensor> => new Map(namesOf('own', layers).map((name) => [name, filled('float32', shape, 0)]));
    return new Writer(session, fixed, beams, empty);
  }

  /** Takes the beginning that all texts have in common; the log-probabilities of what comes next. */
  async begin(ids: readonly number[]): Promise<Float32Array> {
    let rows: Float32Array[] = [];
    const each = Array.from({ length: this.beams }, (_, i) => i);
    for (const id of ids) {
      rows = await this.next(
        each,
        each.map(() => id),
      );
    }
    return rows[0]!;
  }

  /** See {@link beamSearch}. */
  async next(parents: readonly number[], ids: readonly number[]): Promise<Float32Array[]> {
    const { beams } = this;
    const feeds = new Map([
      ...this.fixed,
      ...this.#memory,
      ['parents', tensor('int64', [beams], parents)],
      ['ids', tensor('int64', [beams, 1], ids)],
      ['position', tensor('int64', [1], [this.#position++])],
    ]);
    const into = new Map([...this.#spare].map(([name, buffer]) => [nextName(name), buffer]));
    const { data } = (await this.session.run(feeds, into)).get(OUTPUT)! as { data: Float32Array };
    [this.#memory, this.#spare] = [this.#spare, this.#memory];
    const size = data.length / beams;
    return parents.map((_, i) => data.subarray(i * size, (i + 1) * size));
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

const nextName = (name: string): string => `next:${name}`;
const namesOf = (kind: 'own' | 'crossed', layers: number): string[] =>
  Array.from({ length: layers }, (_, i) => [`${kind}.keys.${i}`, `${kind}.values.${i}`]).flat();

const memoryShape = ({ config }: OpenedModel, { longest }: Writing, beams: number): [number, number, number, number] => [
  beams,
  config.attentionHeads,
  longest,
  config.hiddenSize / config.attentionHeads,
];

const surroundingsOf = ({ config, parameters }: OpenedModel, batch: number): Surroundings => ({
  config,
  parameters: lookUp(parameterInputs([...parameters].map(([name, { shape }]) => ({ name, shape, start: 0, decays: false })))),
  dropout: noDropout,
  batch,
});

const named = (kind: 'own' | 'crossed', layer: number, { keys, values }: KeysValues): [string, Value][] => [
  [`${kind}.keys.${layer}`, keys],
  [`${kind}.values.${layer}`, values],
];

/** Keys and values that every decoder layer finds in the text that is read. */
function readingGraph(model: OpenedModel, { stack, reads }: Writing): Outputs {
  const surroundings = surroundingsOf(model, 1);
  const { length, pooled } = reads!;
  const [inputIds, attentionMask] = [input('inputIds', 'int64', [1, length]), input('attentionMask', 'float32', [1, length])];
  const rows = encodeRows(model.config, surroundings.parameters, { inputIds, attentionMask }, noDropout);
  const seen = pooled ? pool(batchFirst(rows, 1), attentionMask, 'mean') : rows;
  const outputs = Array.from({ length: stack.layers }, (_, i) =>
    named('crossed', i, keysValues(surroundings, `${stack.prefix}.encoder.layer.${i}.crossattention`, seen)),
  );
  return optimise(new Map(outputs.flat()), 'cpu');
}

/**
 * One position of `beams` texts: their tokens, and what is remembered of the texts that they continue, to the next tokens' log-probabilities and what
 * is to be remembered.
 *
 * @param fixed holds what was found in the text that was read
 */
function writingGraph(model: OpenedModel, writing: Writing, beams: number, fixed: ReadonlyMap<string, Tensor>): Outputs {
  const surroundings = surroundingsOf(model, beams);
  const { stack, head, reads } = writing;
  const parents = input('parents', 'int64', [beams]);
  const shape = memoryShape(model, writing, beams);
  const own = (name: string): Value => ops.gather(input(name, 'float32', shape), parents);
  const crossed = (name: string): Value => input(name, 'float32', fixed.get(name)!.shape);
  const memories = Array.from({ length: stack.layers }, (_, i): LayerMemory => ({
    own: { keys: own(`own.keys.${i}`), values: own(`own.values.${i}`) },
    crossed: reads && { keys: crossed(`crossed.keys.${i}`), values: crossed(`crossed.values.${i}`) },
  }));
  const padding = reads && !reads.pooled ? paddingBias(input('attentionMask', 'float32', [1, reads.length])) : undefined;
  const [ids, position] = [input('ids', 'int64', [beams, 1]), input('position', 'int64', [1])];
  const { states, memory } = nextPosition(surroundings, stack, ids, position, memories, padding);
  return optimise(
    new Map([
      [OUTPUT, ops.logSoftmax(lmLogits(surroundings.config, surroundings.parameters, states, head), -1)],
      ...memory.flatMap((each, i) => named('own', i, each).map(([name, value]): [string, Value] => [nextName(name), value])),
    ]),
    'cpu',
  );
}
