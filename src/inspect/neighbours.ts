import { readFile, stat } from 'node:fs/promises';
import type { Neighbour, TextUnit } from '../shared/types';
import { listFiles } from '../text/corpus';
import { splitSentences } from '../text/sentences';
import { dot, embed } from './embeddings';
import type { OpenedModel } from './model';

/** How long a listing of the folder is taken for true, in milliseconds. */
const LISTING = 5_000;
/** Sentences that are embedded between two looks at the clock. */
const BATCH = 64;
/** Files larger than this are no prose that a person wrote. */
const MOST_BYTES = 20 << 20;

interface IndexedFile {
  readonly stamp: string;
  readonly units: readonly TextUnit[];
}

interface Entry {
  readonly path: string;
  readonly unit: TextUnit;
}

/** The first of some sentences as one checkpoint embeds them. Several questions fill it at once, and may go on with it when there is a newer one. */
interface Embedded {
  readonly model: string;
  readonly entries: readonly Entry[];
  readonly vectors: Float32Array[];
}

/** The sentences of a folder's text files, as one model embeds them; filled little by little. */
export class SentenceIndex {
  readonly #files = new Map<string, IndexedFile>();
  #listed = -Infinity;
  #entries: readonly Entry[] = [];
  #embedded: Embedded = { model: '', entries: [], vectors: [] };

  constructor(private readonly root: string) {}

  /**
   * The sentences most like a text, itself left out, among those embedded so far.
   *
   * @param budget milliseconds for embedding what is not embedded yet
   */
  async nearest(
    model: OpenedModel,
    text: string,
    top: number,
    budget: number,
    signal?: AbortSignal,
  ): Promise<{ neighbours: Neighbour[]; indexed: number; total: number }> {
    const end = Date.now() + budget;
    if (Date.now() - this.#listed > LISTING) await this.#list(signal);
    if (this.#embedded.model !== model.key || this.#embedded.entries !== this.#entries)
      this.#embedded = { model: model.key, entries: this.#entries, vectors: [] };
    const { entries, vectors } = this.#embedded;
    while (vectors.length < entries.length && Date.now() < end) {
      const first = vectors.length;
      const texts = entries.slice(first, first + BATCH).map(({ unit }) => unit.text);
      (await embed(model, texts, signal)).forEach((vector, i) => (vectors[first + i] = vector));
    }
    const [query] = await embed(model, [text], signal);
    const found = vectors
      .map((vector, index) => ({ similarity: dot(vector, query!), index }))
      .filter(({ index }) => entries[index]!.unit.text !== text)
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, top);
    return {
      neighbours: found.map(({ similarity, index }) => {
        const { path, unit } = entries[index]!;
        return { ...unit, path, similarity };
      }),
      indexed: vectors.length,
      total: entries.length,
    };
  }

  /** Looks which files there are, and reads those that are new or were changed. */
  async #list(signal?: AbortSignal): Promise<void> {
    let changed = false;
    const present = new Set<string>();
    for (const { path } of await listFiles({ root: this.root }, signal)) {
      const info = await stat(path).catch(() => undefined);
      if (!info || info.size > MOST_BYTES) continue;
      present.add(path);
      const stamp = `${info.size} ${info.mtimeMs}`;
      if (this.#files.get(path)?.stamp === stamp) continue;
      // The editor does not count the mark of an encoding.
      const text = (await readFile(path, 'utf8').catch(() => '')).replace(/^\uFEFF/, '');
      // A byte that no text has.
      const units = text.includes('\0') ? [] : splitSentences(text);
      this.#files.set(path, { stamp, units });
      changed = true;
    }
    for (const path of [...this.#files.keys()].filter((each) => !present.has(each))) changed = this.#files.delete(path);
    this.#listed = Date.now();
    if (!changed) return;
    // What was embedded is remembered by its text, so beginning anew costs little.
    this.#entries = [...this.#files].flatMap(([path, { units }]) => units.map((unit) => ({ path, unit })));
  }
}
