import { formatCount, formatNats, formatProbability } from '../../shared/format';
import type { Prediction } from '../../shared/types';
import { bar } from './bars';
import { INTENSITIES, intensityOf } from './intensity';
import { commandLink, escapeMarkdown } from './markdown';
import type { Replacement } from './replacement';
import { tokenLabel, tokenText } from '../../shared/token-text';

const BAR = 10;

/** A word under the pointer, as the model reads it. */
export interface HoveredWord {
  readonly word: string;
  /** In nats, as painted. */
  readonly surprisal: number;
  readonly pieces: number;
  readonly prediction: Prediction;
  /** What reads, and how far it is trained. */
  readonly reader: string;
  /** The replacement of the word by a text. */
  readonly replace: (text: string) => Replacement;
}

/** What the model would put where a word stands: Markdown with a row for each prediction, the words first and the bars last, for screen readers. */
export function hoverText({ word, surprisal, pieces, prediction, reader, replace }: HoveredWord): string {
  const { candidates, truth } = prediction;
  const best = candidates[0]?.probability ?? 1;
  const rows = candidates.map(({ token, probability }) => {
    const { text } = tokenText(token);
    const use =
      text === word
        ? 'stands there'
        : commandLink('Use this', 'objectiveLab.replaceText', replace(text), `Replaces “${word}” by “${text}”`);
    return `| ${escapeMarkdown(tokenLabel(token))} | ${formatProbability(probability)} | ${bar(probability / best, BAR)} | ${use} |`;
  });
  const name = INTENSITIES[intensityOf(surprisal)]?.name ?? '';
  const rank = truth ? `, rank ${formatCount(truth.rank)}` : '';
  const made = pieces > 1 ? ` It is scored as a whole, of ${pieces} tokens.` : '';
  return [
    `**${escapeMarkdown(word)}**: ${name}. Surprisal ${formatNats(surprisal)} nats, probability ${formatProbability(Math.exp(-surprisal))}${rank}.${made}`,
    '',
    '| With the word hidden&nbsp;&nbsp; | Probability | | |',
    '| :-- | --: | :-- | :-- |',
    ...rows,
    '',
    `_${escapeMarkdown(reader)}_`,
  ].join('\n');
}
