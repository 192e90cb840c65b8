import { UserError } from '../shared/errors';
import type { Candidate, Prediction, Similarity, TextUnit, Token, Unit } from '../shared/types';
import { scope } from '../onnx/graph';
import { input } from '../onnx/graph';
import { optimise } from '../onnx/optimise';
import { serialise } from '../onnx/serialise';
import * as ops from '../onnx/ops';
import { tensor, type Tensor } from '../onnx/types';
import { encode } from '../model/encoder';
import { lmLogits, pool } from '../model/heads';
import { lookUp, parameterInputs, encoderParameters, mlmHeadParameters } from '../model/parameters';
import { noDropout } from '../model/random';
import { maskSequence } from '../objectives/masking';
import { hash32 } from '../shared/random';
import { splitUnits } from '../text/sentences';
import { listCheckpoints } from '../train/checkpoint';
import { Session } from '../train/device';
import { openModel, type OpenedModel } from './model';
import { planWindows } from './windows';

/** Shapes are fixed in a graph, so inputs are padded up to a few of them and sessions are kept. */
const LENGTHS = [16, 32, 64, 128, 256, 512];
const SLOTS = 16;
const EMBEDDING_BATCH = 16;

/** Reads texts through one model: tokens, masked predictions, embeddings. Sessions are made once a shape, and outlive a newer checkpoint. */
export class Reader {
  readonly #sessions = new Map<string, Promise<Session>>();
  #model: OpenedModel;

  constructor(private readonly path: string) {
    this.#model = openModel(path);
  }

  get model(): OpenedModel {
    return this.#model;
  }

  /** Takes up a newer checkpoint of the same run, if there is one. */
  refresh(): void {
    const newest = listCheckpoints(this.path).at(-1)?.folder;
    if (newest !== undefined && newest !== this.#model.folder) this.#model = openModel(this.path);
  }

  async tokenize(text: string): Promise<Token[]> {
    const { tokenizer } = this.#model;
    const { ids, spans } = await tokenizer.encode(text);
    return spans.map(({ start, end }, i) => ({
      start,
      end,
      id: ids[i]!,
      token: tokenizer.token(ids[i]!),
      special: tokenizer.isSpecial(ids[i]!),
    }));
  }

  /** Predicts the mask tokens written in a text, `[MASK]` or what the model calls it: the `top` candidates for each, in order. */
  async fillMasks(text: string, top: number): Promise<Prediction[]> {
    const { tokenizer } = this.#model;
    const { ids } = await tokenizer.encode(text);
    const hidden = [...ids.keys()].filter((i) => ids[i] === tokenizer.special.mask);
    if (hidden.length === 0) {
      const mask = tokenizer.special.mask === undefined ? '[MASK]' : tokenizer.token(tokenizer.special.mask);
      throw new UserError(`The text has no ${mask} to predict.`, `Write ${mask} where a word should go, as in "the ${mask} sea".`, 'text');
    }
    return (await this.#predict(ids, hidden, top)).map(({ truth: _, ...prediction }) => prediction);
  }

  /** Hides tokens of a text, all at once, and predicts each from what is left. */
  async predict(text: string, hidden: readonly number[], top: number): Promise<Prediction[]> {
    const { ids } = await this.#model.tokenizer.encode(text);
    const outside = hidden.find((index) => index >= ids.length);
    if (outside !== undefined)
      throw new UserError(`The text has ${ids.length} tokens, and token ${outside} was asked for.`, undefined, 'text');
    return this.#predict(
      ids,
      [...new Set(hidden)].sort((a, b) => a - b),
      top,
    );
  }

  /**
   * The tokens of a text that training would hide: its binary mask, as indices. The text is cut into sequences as in training, and each is masked
   * as the run's experiment says.
   *
   * @param draw numbers the draws: training masks anew at every visit, and so does another draw
   */
  async mask(text: string, draw: number): Promise<number[]> {
    const { tokenizer, vocabulary, masking, context } = this.#model;
    const { ids } = await tokenizer.encode(text);
    const [{ cls, sep }, content] = [tokenizer.special, context - 2];
    const hidden: number[] = [];
    for (let start = 0; start < ids.length; start += content) {
      const sequence = Int32Array.from([cls, ...ids.subarray(start, start + content), sep]);
      const masked = maskSequence(sequence, masking, vocabulary, hash32(draw, start));
      hidden.push(...masked.hidden.map(({ position }) => start + position - 1));
    }
    return hidden;
  }

  async #predict(ids: Int32Array, hidden: readonly number[], top: number): Promise<Prediction[]> {
    // One model from here on: a newer checkpoint may be taken up meanwhile.
    const model = this.#model;
    const { tokenizer, predicts, context, folder } = model;
    const { mask, cls, sep, pad } = tokenizer.special;
    if (!predicts || mask === undefined) {
      throw new UserError(
        `The model in ${folder} was not trained to predict masked tokens.`,
        'Choose a run whose objectives include "mlm".',
        'model',
      );
    }
    const masked = ids.slice();
    for (const index of hidden) masked[index] = mask;
    const predictions: Prediction[] = [];
    for (const window of planWindows(ids.length, hidden, context - 2, SLOTS)) {
      const length = bucket(window.end - window.start + 2, context);
      const [row, attention, slots] = [new Float64Array(length).fill(pad), new Float64Array(length), new Float64Array(SLOTS)];
      row.set([cls, ...masked.subarray(window.start, window.end), sep]);
      attention.fill(1, 0, window.end - window.start + 2);
      slots.set(window.hidden.map((index) => index - window.start + 1));
      const logits = await this.#run(
        model,
        `mlm/${length}`,
        () => this.#mlmGraph(length),
        new Map([
          ['inputIds', tensor('int64', [1, length], row)],
          ['attentionMask', tensor('float32', [1, length], attention)],
          ['slots', tensor('int64', [1, SLOTS], slots)],
        ]),
      );
      const size = logits.shape[1]!;
      window.hidden.forEach((index, slot) => {
        const probabilities = softmax((logits.data as Float32Array).subarray(slot * size, (slot + 1) * size));
        predictions.push({ index, candidates: this.#candidates(probabilities, top), truth: this.#truth(probabilities, ids[index]!) });
      });
    }
    return predictions;
  }

  #candidate(id: number, probabilities: Float32Array): Candidate {
    return { token: this.#model.tokenizer.token(id), id, probability: probabilities[id] ?? 0 };
  }

  #candidates(probabilities: Float32Array, top: number): Candidate[] {
    const order = Uint32Array.from(probabilities.keys()).sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
    return [...order.subarray(0, top)].map((id) => this.#candidate(id, probabilities));
  }

  #truth(probabilities: Float32Array, id: number): Candidate & { rank: number } {
    const own = probabilities[id] ?? 0;
    let rank = 1;
    for (const probability of probabilities) if (probability > own) rank++;
    return { ...this.#candidate(id, probabilities), rank };
  }

  /** Unit embeddings [units][hidden size], mean-pooled over each unit's tokens; a unit longer than the model's length is cut. */
  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    const model = this.#model;
    const { tokenizer, context, config } = model;
    const { cls, sep, pad } = tokenizer.special;
    const encoded = await Promise.all(
      texts.map(async (text, index) => ({ index, ids: (await tokenizer.encode(text)).ids.subarray(0, context - 2) })),
    );
    const embeddings: Float32Array[] = [];
    // Of similar lengths together, so that little padding is computed.
    const order = encoded.sort((a, b) => a.ids.length - b.ids.length);
    for (let first = 0; first < order.length; first += EMBEDDING_BATCH) {
      const rows = order.slice(first, first + EMBEDDING_BATCH);
      const length = bucket(rows.at(-1)!.ids.length + 2, context);
      const [ids, attention] = [new Float64Array(EMBEDDING_BATCH * length).fill(pad), new Float64Array(EMBEDDING_BATCH * length)];
      rows.forEach((row, i) => {
        ids.set([cls, ...row.ids, sep], i * length);
        attention.fill(1, i * length, i * length + row.ids.length + 2);
      });
      const { data } = await this.#run(
        model,
        `embed/${length}`,
        () => this.#embeddingGraph(length),
        new Map([
          ['inputIds', tensor('int64', [EMBEDDING_BATCH, length], ids)],
          ['attentionMask', tensor('float32', [EMBEDDING_BATCH, length], attention)],
        ]),
      );
      rows.forEach(
        ({ index }, i) => (embeddings[index] = (data as Float32Array).slice(i * config.hiddenSize, (i + 1) * config.hiddenSize)),
      );
    }
    return embeddings;
  }

  /** Cosine similarities of the first `limit` units of a text. */
  async similarity(text: string, unit: Unit, limit: number): Promise<Similarity> {
    const units: TextUnit[] = splitUnits(text, unit).slice(0, limit);
    const embeddings = await this.embed(units.map((each) => each.text));
    return { units, matrix: embeddings.map((a) => embeddings.map((b) => (a === b ? 1 : dot(a, b)))) };
  }

  async #run(model: OpenedModel, key: string, graph: () => Uint8Array, feeds: ReadonlyMap<string, Tensor>): Promise<Tensor> {
    let session = this.#sessions.get(key);
    if (!session) {
      session = Session.create(graph());
      this.#sessions.set(key, session);
    }
    const outputs = await (await session).run(new Map([...model.parameters, ...feeds]));
    return outputs.get('output')!;
  }

  #mlmGraph(length: number): Uint8Array {
    const { config } = this.#model;
    return scope('mask', () => {
      const parameters = lookUp(parameterInputs([...encoderParameters(config), ...mlmHeadParameters(config)]));
      const hidden = encode(config, parameters, encoderInput(1, length), noDropout, { slots: input('slots', 'int64', [1, SLOTS]) });
      return serialise(optimise(new Map([['output', lmLogits(config, parameters, hidden)]]), 'cpu'));
    });
  }

  #embeddingGraph(length: number): Uint8Array {
    const { config } = this.#model;
    return scope('embed', () => {
      const batch = encoderInput(EMBEDDING_BATCH, length);
      const hidden = encode(config, lookUp(parameterInputs(encoderParameters(config))), batch, noDropout);
      return serialise(optimise(new Map([['output', ops.l2Normalize(pool(hidden, batch.attentionMask, 'mean'))]]), 'cpu'));
    });
  }
}

const encoderInput = (batch: number, length: number) => ({
  inputIds: input('inputIds', 'int64', [batch, length]),
  attentionMask: input('attentionMask', 'float32', [batch, length]),
});

const bucket = (length: number, context: number): number => Math.min(context, LENGTHS.find((each) => each >= length) ?? context);

function softmax(logits: Float32Array): Float32Array {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = logits.map((x) => Math.exp(x - highest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((x) => x / sum);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
