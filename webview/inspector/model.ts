import type { Prediction, RunSummary, Token } from '../../src/shared/types';
import type { Reading } from '../../src/shared/webview-protocol';
import { formatCount } from '../../src/shared/format';

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

/** One row of a prediction. `share` is the bar's length relative to the best candidate. */
export interface CandidateView {
  readonly token: string;
  readonly probability: number;
  readonly share: number;
  readonly rank: number;
  readonly truth: boolean;
}

/** The candidates of a prediction, and the true token below them when it is not among them. */
export function candidateRows({ candidates, truth }: Prediction): CandidateView[] {
  const best = Math.max(candidates[0]?.probability ?? 0, Number.MIN_VALUE);
  const rows = candidates.map(({ token, id, probability }, index) => ({
    token,
    probability,
    share: probability / best,
    rank: index + 1,
    truth: id === truth?.id,
  }));
  if (truth && !rows.some((row) => row.truth)) {
    rows.push({ token: truth.token, probability: truth.probability, share: truth.probability / best, rank: truth.rank, truth: true });
  }
  return rows;
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
