import type { Attention, CheckpointSummary, Prediction, RunSummary, Token } from '../../src/shared/types';
import type { ModelChoice, Models, Reading, Side } from '../../src/shared/webview/inspector';
import { formatCount, formatNats } from '../../src/shared/format';

/** One token as the page shows it. `piece` continues the word before it; `text` is the token without its `##`. */
export interface TokenView {
  readonly index: number;
  readonly text: string;
  readonly piece: boolean;
  /** What stands there in the source. */
  readonly source: string;
  readonly special: boolean;
}

/** The tokens of one word, shown without gaps. */
export type Word = readonly TokenView[];

/** The words of one line of the source that has any; `gap` is true when an empty line precedes it. */
export interface Paragraph {
  readonly words: readonly Word[];
  readonly gap: boolean;
}

/**
 * Lays tokens out as the source does: a line a line, an empty line as a gap, pieces attached to their word, and tokens that touch in the source (a
 * word and its full stop) in one unbreakable word.
 */
export function layOut({ part, tokens }: Pick<Reading, 'part' | 'tokens'>): Paragraph[] {
  const paragraphs: { words: TokenView[][]; gap: boolean }[] = [];
  let end = part.start;
  for (const [index, token] of tokens.entries()) {
    if (token.special && token.start === token.end) continue;
    const between = part.text.slice(end - part.start, token.start - part.start);
    const breaks = between.split('\n').length - 1;
    const view = toView(index, token, part.text.slice(token.start - part.start, token.end - part.start));
    const last = paragraphs.at(-1);
    if (!last || breaks > 0) paragraphs.push({ words: [[view]], gap: paragraphs.length > 0 && breaks > 1 });
    else if (between === '' || view.piece) last.words.at(-1)?.push(view);
    else last.words.push([view]);
    end = token.end;
  }
  return paragraphs;
}

function toView(index: number, { token, special }: Token, source: string): TokenView {
  const piece = token.startsWith('##') && token.length > 2;
  return { index, text: piece ? token.slice(2) : token, piece, source, special };
}

/**
 * The hidden tokens of one reading as indices of the next: a token stays hidden when it stands in the part of the text that did not change, counted
 * from either end. After a move to another part of the same text, positions in the document tell.
 */
export function carryHidden(before: Reading | undefined, hidden: readonly number[], after: Reading): number[] {
  if (before?.uri !== after.uri || hidden.length === 0) return [];
  if (before.part.start !== after.part.start) {
    const byStart = new Map(after.tokens.map((token, index) => [token.start, index]));
    return hidden.flatMap((index) => {
      const token = before.tokens[index];
      const there = token && byStart.get(token.start);
      return there !== undefined && after.tokens[there]?.id === token?.id ? [there] : [];
    });
  }
  const [old, fresh] = [before.tokens, after.tokens];
  const shorter = Math.min(old.length, fresh.length);
  let head = 0;
  while (head < shorter && old[head]?.id === fresh[head]?.id) head++;
  let tail = 0;
  while (tail < shorter - head && old[old.length - 1 - tail]?.id === fresh[fresh.length - 1 - tail]?.id) tail++;
  return hidden.flatMap((index) => {
    if (index < head) return [index];
    return index >= old.length - tail ? [index + fresh.length - old.length] : [];
  });
}

/** `Lines 12–40 of 310` */
export function describePart({ part, tokens }: Reading): string {
  const { firstLine, lastLine, lineCount } = part;
  const count = `${formatCount(tokens.length)} token${tokens.length === 1 ? '' : 's'}`;
  if (firstLine === 1 && lastLine >= lineCount - 1) return `The whole file, ${count}`;
  return `Lines ${formatCount(firstLine)}–${formatCount(lastLine)} of ${formatCount(lineCount)}, around the cursor, ${count}`;
}

/** A run in the list of runs. */
export function describeRun({ name, state, checkpoint, startedAt }: RunSummary): string {
  const started = new Date(startedAt);
  const when = Number.isNaN(started.getTime())
    ? ''
    : `, ${started.toLocaleString(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' })}`;
  const at = checkpoint === undefined ? 'no checkpoint yet' : `step ${formatCount(checkpoint)}`;
  return `${name} · ${at}${state === 'running' ? ', running' : ''}${when}`;
}

/** A place on the slider over checkpoints: `step 600, mlm 4.21`, and of the last that it is the newest. */
export function describeCheckpoint(checkpoints: readonly CheckpointSummary[], index: number): string {
  const checkpoint = checkpoints[index];
  if (!checkpoint) return '';
  const measured = Object.entries(checkpoint.eval ?? {}).find(([name]) => !name.includes('.') && name !== 'unigram');
  const loss = measured ? `, ${measured[0]} ${formatNats(measured[1])}` : '';
  return `step ${formatCount(checkpoint.step)}${loss}${index === checkpoints.length - 1 ? ', newest' : ''}`;
}

/** One row of a prediction. `share` is the bar's length relative to the best candidate. */
export interface CandidateView {
  readonly token: string;
  readonly probability: number;
  readonly share: number;
  readonly rank: number;
  readonly truth: boolean;
}

/** The candidates of a prediction, and the true text below them when it is not among them. */
export function candidateRows({ candidates, truth }: Prediction): CandidateView[] {
  const best = Math.max(candidates[0]?.probability ?? 0, Number.MIN_VALUE);
  const rows = candidates.map(({ token, probability }, index) => ({
    token,
    probability,
    share: probability / best,
    rank: index + 1,
    // A text of several tokens is no candidate, which are single ones.
    truth: truth?.pieces === 1 && truth.rank === index + 1,
  }));
  if (truth && !rows.some((row) => row.truth)) {
    const { text, probability, rank } = truth;
    rows.push({ token: text, probability, share: Math.min(1, probability / best), rank, truth: true });
  }
  return rows;
}

/** Names the parameters that read on both sides: equal keys give equal answers. */
export const modelsKey = ({ first, second }: Models): string =>
  JSON.stringify([first, second].map((choice) => choice && [choice.model, checkpointOf(choice)?.folder]));

/** The sides that have a model, with names to tell them apart by. */
export function sidesOf({ first, second }: Models): { side: Side; name: string }[] {
  return [
    { side: 'first' as const, choice: first },
    { side: 'second' as const, choice: second },
  ].flatMap(({ side, choice }) => {
    const step = choice && checkpointOf(choice)?.step;
    return choice ? [{ side, name: step === undefined ? choice.name : `${choice.name}, step ${formatCount(step)}` }] : [];
  });
}

/** The checkpoint that reads: the chosen one, otherwise the newest. */
const checkpointOf = ({ checkpoints, checkpoint }: ModelChoice): CheckpointSummary | undefined =>
  checkpoints.find(({ folder }) => folder === checkpoint) ?? checkpoints.at(-1);

/** The predictions of a reading's hidden tokens by the tokens' indices: spans of a model with another tokenizer may be longer than ours. */
export function byToken(
  tokens: readonly Token[],
  hidden: readonly number[],
  predictions: readonly Prediction[],
): ReadonlyMap<number, Prediction> {
  return new Map(
    hidden.flatMap((index) => {
      const token = tokens[index];
      const found = token && predictions.find(({ start, end }) => start < token.end && end > token.start);
      return found ? [[index, found] as const] : [];
    }),
  );
}

/** Characters that a command shows of the text around a token on either side. */
const COMMAND_TEXT = 120;

/** Part of a reading's text around its first hidden token, with `[MASK]` for those that are hidden: what the command line is given. */
export function maskedText({ part, tokens }: Pick<Reading, 'part' | 'tokens'>, hidden: readonly number[]): string {
  const places = [...hidden].sort((a, b) => a - b).flatMap((index) => tokens[index] ?? []);
  const anchor = (places[0]?.start ?? part.start) - part.start;
  const [from, to] = [Math.max(0, anchor - COMMAND_TEXT), Math.min(part.text.length, anchor + COMMAND_TEXT)];
  let [text, at] = ['', from];
  for (const { start, end } of places) {
    const [first, last] = [start - part.start, end - part.start];
    if (last > to) break;
    text += `${part.text.slice(at, first)}[MASK]`;
    at = last;
  }
  // Words that are cut at the ends are left out.
  const whole = `${text}${part.text.slice(at, to)}`;
  return whole
    .replace(from > 0 ? /^\S*\s/u : '', '')
    .replace(to < part.text.length ? /\s\S*$/u : '', '')
    .replace(/\s+/gu, ' ')
    .trim();
}

/** The words around a hidden token, for the heading of its prediction: up to `reach` tokens on each side, other hidden ones as `[MASK]`. */
export function contextOf(
  tokens: readonly Token[],
  hidden: ReadonlySet<number>,
  index: number,
  reach = 6,
): { before: string; after: string } {
  const join = (from: number, to: number): string => {
    let text = '';
    for (let i = Math.max(0, from); i < Math.min(tokens.length, to); i++) {
      const token = hidden.has(i) ? '[MASK]' : (tokens[i]?.token ?? '');
      const attached = token.startsWith('##') || tokens[i]?.start === tokens[i - 1]?.end;
      text += `${attached || text === '' ? '' : ' '}${token.replace(/^##/u, '')}`;
    }
    return text;
  };
  return {
    before: `${index > reach ? '… ' : ''}${join(index - reach, index)}`,
    after: `${join(index + 1, index + 1 + reach)}${index + 1 + reach < tokens.length ? ' …' : ''}`,
  };
}

/** What a token looks at in a head: attention probabilities by token. Empty for a token outside the window that was read. */
export function attentionFrom({ from, to, weights }: Attention, index: number, head: number): ReadonlyMap<number, number> {
  if (index < from || index >= to) return new Map();
  const size = to - from;
  const row = (head * size + index - from) * size;
  return new Map(Array.from({ length: size }, (_, i) => [from + i, weights[row + i] ?? 0]));
}
