import { LRUCache } from 'lru-cache';
import type { WordSurprisal } from '../../shared/types';

/** How well a passage is known: an estimate of a part of its words, of all, or exact numbers. */
export type Depth = 'part' | 'estimate' | 'exact';

/** What is known of a passage: spans are offsets in its text. */
export interface Score {
  readonly words: readonly WordSurprisal[];
  readonly depth: Depth;
  /** Sum of the words' surprisals in nats, and the tokens that they are made of. */
  readonly surprisal: number;
  readonly pieces: number;
}

/** Text whose scores are kept at most for each version of a model, in UTF-16 units, and of how many versions. */
const MOST_TEXT = 2_000_000;
const MOST_VERSIONS = 3;

/** Scores by model and text: what was scored once is not asked again, wherever it stands. */
export class Scores {
  readonly #versions = new LRUCache<string, LRUCache<string, Score>>({ max: MOST_VERSIONS });

  constructor(private readonly most = MOST_TEXT) {}

  /** @param version as `ReaderChoice.version` */
  get(version: string, text: string): Score | undefined {
    return this.#versions.get(version)?.get(text);
  }

  set(version: string, text: string, words: readonly WordSurprisal[], depth: Depth): void {
    const total = (of: (word: WordSurprisal) => number): number => words.reduce((sum, word) => sum + of(word), 0);
    const score = { words, depth, surprisal: total((word) => word.surprisal), pieces: total((word) => word.pieces) };
    const kept =
      this.#versions.get(version) ?? new LRUCache<string, Score>({ maxSize: this.most, sizeCalculation: (_, key) => key.length });
    this.#versions.set(version, kept.set(text, score));
  }
}
