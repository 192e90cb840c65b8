import { UserError } from '../shared/errors';
import type {
  Attention,
  Geometry,
  Neighbour,
  Prediction,
  Projection,
  Similarity,
  Span,
  TextMap,
  TextUnit,
  Token,
  Unit,
  WordSurprisal,
} from '../shared/types';
import { maskSequence } from '../objectives/masking';
import { hash32 } from '../shared/random';
import { splitUnits } from '../text/sentences';
import { listCheckpoints } from '../train/checkpoint';
import { attentionOf } from './attention';
import { embed, geometry, similarities } from './embeddings';
import { project } from './map';
import { openModel, type OpenedModel } from './model';
import { SentenceIndex } from './neighbours';
import { predict } from './predictions';
import { surprisal } from './surprisal';

/** The units of a text that are looked at. */
export interface UnitQuery {
  readonly text: string;
  readonly unit: Unit;
  /** At most so many, the first ones. */
  readonly limit: number;
}

/** Reads texts through one model, and follows a run to its newest checkpoint. An answer is always made by one checkpoint. */
export class Reader {
  readonly #indexes = new Map<string, SentenceIndex>();
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
    const { ids, spans } = await tokenizer.encode(text);
    const masks = spans.filter((_, i) => ids[i] === tokenizer.special.mask);
    if (masks.length === 0) {
      const mask = tokenizer.special.mask === undefined ? '[MASK]' : tokenizer.token(tokenizer.special.mask);
      throw new UserError(`The text has no ${mask} to predict.`, `Write ${mask} where a word should go, as in "the ${mask} sea".`, 'text');
    }
    return this.predict(text, masks, top);
  }

  /** See {@link predict}. */
  predict(text: string, spans: readonly Span[], top: number, signal?: AbortSignal): Promise<Prediction[]> {
    return predict(this.#model, text, spans, top, signal);
  }

  /** See {@link surprisal}. */
  surprisal(text: string, quick: boolean, signal?: AbortSignal, at?: number): Promise<WordSurprisal[]> {
    return surprisal(this.#model, text, quick, signal, at);
  }

  /** See {@link attentionOf}. */
  attention(text: string, index: number, layer: number, hidden: readonly Span[]): Promise<Attention> {
    return attentionOf(this.#model, text, index, layer, hidden);
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

  /** See {@link embed}. */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    return embed(this.#model, texts, signal);
  }

  /** Cosine similarities of a text's units. */
  async similarity(query: UnitQuery, signal?: AbortSignal): Promise<Similarity> {
    const units = unitsOf(query);
    const model = this.#model;
    return { units, matrix: await similarities(model, await this.#embedUnits(units, signal)) };
  }

  /** See {@link geometry}. */
  geometry(query: UnitQuery, signal?: AbortSignal): Promise<Geometry> {
    return geometry(this.#model, unitsOf(query), signal);
  }

  /** See {@link project}. */
  async map(query: UnitQuery, projection: Projection, signal?: AbortSignal): Promise<TextMap> {
    const units = unitsOf(query);
    return { units, ...(await project(await this.#embedUnits(units, signal), projection, signal)) };
  }

  /** See {@link SentenceIndex.nearest}. */
  neighbours(
    root: string,
    text: string,
    top: number,
    budget: number,
    signal?: AbortSignal,
  ): Promise<{ neighbours: Neighbour[]; indexed: number; total: number }> {
    const index = this.#indexes.get(root) ?? new SentenceIndex(root);
    this.#indexes.set(root, index);
    return index.nearest(this.#model, text, top, budget, signal);
  }

  #embedUnits(units: readonly TextUnit[], signal?: AbortSignal): Promise<Float32Array[]> {
    return this.embed(
      units.map(({ text }) => text),
      signal,
    );
  }
}

const unitsOf = ({ text, unit, limit }: UnitQuery): TextUnit[] => splitUnits(text, unit).slice(0, limit);
