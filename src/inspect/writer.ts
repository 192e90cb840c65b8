import { batchFirst, keysValues, paddingBias, type KeysValues, type Surroundings } from '../model/attention';
import { encodeRows } from '../model/encoder';
import { lmLogits, pool } from '../model/heads';
import { nextPosition, type LayerMemory, type Writing } from '../model/incremental';
import { lookUp, parameterInputs } from '../model/parameters';
import { noDropout } from '../model/random';
import { input, type Outputs, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { optimise } from '../onnx/optimise';
import { serialise } from '../onnx/serialise';
import { filled, tensor, type Tensor } from '../onnx/types';
import { Session } from '../train/device';
import { beamSearch, type Hypothesis, type SearchOptions } from './beams';
import { sideBySide } from './lockstep';
import type { OpenedModel } from './model';

const OUTPUT = 'logProbabilities';

/** What writing takes of a model. */
export type WritingModel = Pick<OpenedModel, 'config' | 'parameters' | 'tokenizer'>;

export interface WriteOptions extends Pick<SearchOptions, 'lengthPenalty'> {
  /** Most tokens that are written; as many as the model was trained to write when absent. */
  readonly longest?: number | undefined;
}

/** Writes texts from left to right, several at once, each layer's keys and values being kept. */
export class Writer {
  #position = 0;
  /** What was found in the texts that are read, beside the parameters. */
  #fixed: ReadonlyMap<string, Tensor>;
  /** What is written from and what is written into, in turn. */
  #memory: Map<string, Tensor>;
  #spare: Map<string, Tensor>;

  private constructor(
    private readonly model: WritingModel,
    private readonly writing: Writing,
    private readonly texts: number,
    private readonly beams: number,
    private readonly reader: Session | undefined,
    private readonly session: Session,
  ) {
    const shape = memoryShape(model, writing, texts * beams);
    const empty = (): Map<string, Tensor> =>
      new Map(namesOf('own', writing.stack.layers).map((name) => [name, filled('float32', shape, 0)]));
    [this.#memory, this.#spare, this.#fixed] = [empty(), empty(), model.parameters];
  }

  /** @param texts that are written at once */
  static async open(model: WritingModel, writing: Writing, { texts, beams }: { texts: number; beams: number }): Promise<Writer> {
    const reader = writing.reads && (await Session.create(serialise(readingGraph(model, writing, texts))));
    const session = await Session.create(serialise(writingGraph(model, writing, texts, beams), { muted: true }));
    return new Writer(model, writing, texts, beams, reader, session);
  }

  /**
   * The best texts of beam search for each source, best first; one for a single beam, which is greedy search.
   *
   * @param sources content tokens: what is read, or what is continued, of one length each time; at most as many as are written at once
   */
  async write(sources: readonly Int32Array[], { longest, lengthPenalty }: WriteOptions): Promise<Hypothesis[][]> {
    const { beams, texts, writing } = this;
    const { cls, sep } = this.model.tokenizer.special;
    if (writing.reads) await this.#read(sources, writing.reads.length);
    const begun = writing.reads ? 1 : sources[0]!.length + 1;
    let rows: Float32Array[] = [];
    this.#position = 0;
    const each = [...Array(texts * beams).keys()];
    for (let place = 0; place < begun; place++) {
      const token = (row: number): number => (place === 0 ? cls : (sources[Math.floor(row / beams)] ?? sources[0]!)[place - 1]!);
      rows = await this.#next(each, each.map(token));
    }
    const search = { beams, lengthPenalty, end: sep, longest: Math.min(longest ?? Infinity, writing.longest - begun) };
    return sideBySide(
      sources.length,
      (text, next) => beamSearch(rows[text * beams]!, next, search),
      async (asked) => {
        // Rows of texts that are done go on with anything.
        const [parents, ids] = [[...each], each.map(() => sep)];
        for (const [text, given] of asked) {
          for (let beam = 0; beam < beams; beam++) {
            parents[text * beams + beam] = text * beams + given.parents[beam]!;
            ids[text * beams + beam] = given.ids[beam]!;
          }
        }
        const scores = await this.#next(parents, ids);
        return (text) => scores.slice(text * beams, (text + 1) * beams);
      },
    );
  }

  async #read(sources: readonly Int32Array[], length: number): Promise<void> {
    const { texts } = this;
    const { cls, sep, pad } = this.model.tokenizer.special;
    const [ids, mask] = [new Float64Array(texts * length).fill(pad), new Float64Array(texts * length)];
    for (let text = 0; text < texts; text++) {
      const source = sources[text] ?? sources[0]!;
      ids.set([cls, ...source, sep], text * length);
      mask.fill(1, text * length, text * length + source.length + 2);
    }
    const feeds = new Map([
      ...this.model.parameters,
      ['inputIds', tensor('int64', [texts, length], ids)],
      ['attentionMask', tensor('float32', [texts, length], mask)],
    ]);
    this.#fixed = new Map([...feeds, ...(await this.reader!.run(feeds))]);
  }

  /** One position of all rows: what may come after it. */
  async #next(parents: readonly number[], ids: readonly number[]): Promise<Float32Array[]> {
    const rows = parents.length;
    const feeds = new Map([
      ...this.#fixed,
      ...this.#memory,
      ['parents', tensor('int64', [rows], parents)],
      ['ids', tensor('int64', [rows, 1], ids)],
      ['position', tensor('int64', [1], [this.#position++])],
    ]);
    const into = new Map([...this.#spare].map(([name, buffer]) => [nextName(name), buffer]));
    const { data } = (await this.session.run(feeds, into)).get(OUTPUT)! as { data: Float32Array };
    [this.#memory, this.#spare] = [this.#spare, this.#memory];
    const size = data.length / rows;
    return parents.map((_, i) => data.subarray(i * size, (i + 1) * size));
  }

  async release(): Promise<void> {
    await this.reader?.release();
    await this.session.release();
  }
}

const nextName = (name: string): string => `next:${name}`;
const namesOf = (kind: 'own' | 'crossed', layers: number): string[] =>
  Array.from({ length: layers }, (_, i) => [`${kind}.keys.${i}`, `${kind}.values.${i}`]).flat();

const memoryShape = ({ config }: WritingModel, { longest }: Writing, rows: number): [number, number, number, number] => [
  rows,
  config.attentionHeads,
  longest,
  config.hiddenSize / config.attentionHeads,
];

const surroundingsOf = ({ config, parameters }: WritingModel, batch: number): Surroundings => ({
  config,
  parameters: lookUp(parameterInputs([...parameters].map(([name, { shape }]) => ({ name, shape, start: 0, decays: false })))),
  dropout: noDropout,
  batch,
});

const named = (kind: 'own' | 'crossed', layer: number, { keys, values }: KeysValues): [string, Value][] => [
  [`${kind}.keys.${layer}`, keys],
  [`${kind}.values.${layer}`, values],
];

/** Keys and values that every decoder layer finds in the texts that are read. */
function readingGraph(model: WritingModel, { stack, reads }: Writing, texts: number): Outputs {
  const surroundings = surroundingsOf(model, texts);
  const { length, pooled } = reads!;
  const [inputIds, attentionMask] = [input('inputIds', 'int64', [texts, length]), input('attentionMask', 'float32', [texts, length])];
  const rows = encodeRows(model.config, surroundings.parameters, { inputIds, attentionMask }, noDropout);
  const seen = pooled ? pool(batchFirst(rows, texts), attentionMask, 'mean') : rows;
  const outputs = Array.from({ length: stack.layers }, (_, i) =>
    named('crossed', i, keysValues(surroundings, `${stack.prefix}.encoder.layer.${i}.crossattention`, seen)),
  );
  return optimise(new Map(outputs.flat()), 'cpu');
}

/**
 * One position of `texts` × `beams` rows: their tokens, and what is remembered of those that they continue, to the next tokens' log-probabilities and what
 * is to be remembered.
 */
function writingGraph(model: WritingModel, writing: Writing, texts: number, beams: number): Outputs {
  const { config } = model;
  const rows = texts * beams;
  const surroundings = surroundingsOf(model, rows);
  const { stack, head, reads } = writing;
  const parents = input('parents', 'int64', [rows]);
  const shape = memoryShape(model, writing, rows);
  const own = (name: string): Value => ops.gather(input(name, 'float32', shape), parents);
  // All rows see a single text by broadcasting.
  const textOf = ops.constant(
    tensor(
      'int64',
      [rows],
      [...Array(rows).keys()].map((row) => Math.floor(row / beams)),
    ),
  );
  const spread = (value: Value): Value => (texts > 1 && beams > 1 ? ops.gather(value, textOf) : value);
  const heads = config.attentionHeads;
  const read = (length: number) => [texts, heads, reads!.pooled ? 1 : length, config.hiddenSize / heads];
  const crossed = (name: string): Value => spread(input(name, 'float32', read(reads!.length)));
  const memories = Array.from({ length: stack.layers }, (_, i): LayerMemory => ({
    own: { keys: own(`own.keys.${i}`), values: own(`own.values.${i}`) },
    crossed: reads && { keys: crossed(`crossed.keys.${i}`), values: crossed(`crossed.values.${i}`) },
  }));
  const padding = reads && !reads.pooled ? paddingBias(spread(input('attentionMask', 'float32', [texts, reads.length]))) : undefined;
  const [ids, position] = [input('ids', 'int64', [rows, 1]), input('position', 'int64', [1])];
  const { states, memory } = nextPosition(surroundings, stack, ids, position, memories, padding);
  return optimise(
    new Map([
      [OUTPUT, ops.logSoftmax(lmLogits(config, surroundings.parameters, states, head), -1)],
      ...memory.flatMap((each, i) => named('own', i, each).map(([name, value]): [string, Value] => [nextName(name), value])),
    ]),
    'cpu',
  );
}
