import { setTimeout } from 'node:timers/promises';
import type { Span, WordSurprisal } from '../../shared/types';
import { overlaps, withWordAt, type Passage } from './passages';
import type { Score, Scores } from './scores';

/** How long the editor has to paint a first answer, in milliseconds: what is asked for at once would take the processor from it. */
const PAINT = 60;

/** One document as it is now, and how it is looked at. */
export interface Situation {
  /** The model that reads, as requests name it, and its version. */
  readonly model: string;
  readonly version: string;
  readonly passages: readonly Passage[];
  /** What can be seen. */
  readonly visible: readonly Span[];
  /** What can be seen, and what comes into view next. */
  readonly near: readonly Span[];
  /** Where the last edit ended: the word there comes first. */
  readonly editEnd?: number | undefined;
  /** Whether nobody is typing: until then only what can be seen, or may be next, is asked for. */
  readonly settled: boolean;
}

/** How a passage is to be scored: quickly or exactly, and all of it or the word at an offset in its text. */
export interface Effort {
  readonly quick: boolean;
  readonly at?: number;
}

interface Task {
  readonly passage: Passage;
  readonly effort: Effort;
  /** Whether its text is not there yet: the reader remembers what it found, and answers sooner when somebody goes on writing. */
  readonly ahead?: boolean;
  /** 0 is the most urgent. */
  readonly rank: number;
}

export type Ask = (model: string, text: string, effort: Effort, signal: AbortSignal) => Promise<WordSurprisal[]>;

/**
 * Has one document's passages scored, one request at a time: first what can be seen by an estimate, of an edited passage the edited word before the
 * others, then the word that may be begun where the edit ended, then what is near, then what can be seen exactly, then the rest by an estimate. Every
 * change decides anew: a request whose answer is no longer wanted, or less than another one's, is cancelled and made again later; scores that are known
 * are never asked for again.
 */
export class Scoring {
  #situation: Situation | undefined;
  #running: { readonly task: Task; readonly version: string; readonly abort: AbortController } | undefined;
  #failed = false;
  /** The last text that was looked at before it was there. */
  #ahead: string | undefined;
  /** Texts that were scored with this version: what the bound of {@link Scores} has dropped since is asked for again only to be seen. */
  #done = { version: '', texts: new Set<string>() };

  constructor(
    private readonly scores: Scores,
    private readonly ask: Ask,
    private readonly onScored: (passage: Passage) => void,
    private readonly onFailed: (error: unknown) => void,
  ) {}

  /** The document, the view or the model has changed. What failed before is tried again. */
  update(situation: Situation | undefined): void {
    this.#situation = situation;
    this.#failed = false;
    if (situation && situation.version !== this.#done.version) {
      this.#done = { version: situation.version, texts: new Set() };
      this.#ahead = undefined;
    }
    this.#advance();
  }

  dispose(): void {
    this.update(undefined);
  }

  #advance(): void {
    const task = this.#failed ? undefined : this.#next();
    const running = this.#running;
    if (running) {
      if (this.#wanted(running) && !(task && task.rank < running.task.rank)) return;
      running.abort.abort();
      this.#running = undefined;
    }
    if (task && this.#situation) void this.#run(task, this.#situation);
  }

  async #run(task: Task, { model, version }: Situation): Promise<void> {
    const { passage, effort, ahead } = task;
    const running = (this.#running = { task, version, abort: new AbortController() });
    const { signal } = running.abort;
    try {
      const words = await this.ask(model, passage.text, effort, signal);
      if (signal.aborted) return;
      this.#running = undefined;
      if (ahead) this.#ahead = passage.text;
      else await this.#take(task, version, words);
    } catch (error) {
      if (signal.aborted) return;
      this.#running = undefined;
      this.#failed = true;
      this.onFailed(error);
    }
    this.#advance();
  }

  async #take({ passage, effort }: Task, version: string, words: readonly WordSurprisal[]): Promise<void> {
    const depth = effort.at !== undefined ? 'part' : effort.quick ? 'estimate' : 'exact';
    this.scores.set(version, passage.text, words, depth);
    if (depth !== 'part') this.#done.texts.add(passage.text);
    this.onScored(passage);
    if (depth === 'part') await setTimeout(PAINT);
  }

  #score({ text }: Passage): Score | undefined {
    return this.#situation && this.scores.get(this.#situation.version, text);
  }

  /** Whether a request that runs would still be made, now or later. */
  #wanted({ task, version }: { readonly task: Task; readonly version: string }): boolean {
    const now = this.#situation;
    if (now?.version !== version || !(now.settled || task.rank <= 1)) return false;
    return task.ahead === true || now.passages.some(({ text }) => text === task.passage.text);
  }

  #next(): Task | undefined {
    const now = this.#situation;
    if (!now) return undefined;
    const within = (spans: readonly Span[]): Passage[] => now.passages.filter((passage) => spans.some((span) => overlaps(passage, span)));
    const unknown = (passage: Passage): boolean => (this.#score(passage)?.depth ?? 'part') === 'part';
    const visible = within(now.visible);
    const first = visible.find(unknown);
    if (first) {
      const at = this.#score(first) || now.editEnd === undefined ? -1 : now.editEnd - first.start;
      return { passage: first, effort: { quick: true, ...(at >= 0 && at <= first.text.length && { at }) }, rank: 0 };
    }
    const begun = now.editEnd === undefined ? undefined : withWordAt(visible, now.editEnd);
    if (begun && begun.text !== this.#ahead)
      return { passage: { start: 0, end: 0, text: begun.text }, effort: { quick: true, at: begun.at }, rank: 1, ahead: true };
    if (!now.settled) return undefined;
    const near = within(now.near).find(unknown);
    if (near) return { passage: near, effort: { quick: true }, rank: 2 };
    const estimated = visible.find((passage) => this.#score(passage)?.depth === 'estimate');
    if (estimated) return { passage: estimated, effort: { quick: false }, rank: 3 };
    const rest = now.passages.find((passage) => !this.#done.texts.has(passage.text) && unknown(passage));
    return rest && { passage: rest, effort: { quick: true }, rank: 4 };
  }
}

/** How far a document is scored, and its pseudo-perplexity so far: exp of the mean surprisal of a token (Salazar et al., 2020, arXiv 1910.14659). */
export function summary(passages: readonly Passage[], scoreOf: (text: string) => Score | undefined): { done: number; perplexity?: number } {
  let [surprisal, pieces, scored, all] = [0, 0, 0, 0];
  for (const { text } of passages) {
    all += text.length;
    const score = scoreOf(text);
    if (!score || score.depth === 'part') continue;
    scored += text.length;
    surprisal += score.surprisal;
    pieces += score.pieces;
  }
  return { done: all === 0 ? 1 : scored / all, ...(pieces > 0 && { perplexity: Math.exp(surprisal / pieces) }) };
}
