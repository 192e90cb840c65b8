import type { Notice } from '../../shared/webview/view';
import { describeIntensity, INTENSITIES } from './intensity';
import { escapeMarkdown } from './markdown';

/** What the status bar tells of the active document. */
export type Reading =
  | { readonly state: 'missing'; readonly notice: Notice }
  | { readonly state: 'unfit'; readonly detail: string }
  | { readonly state: 'failed'; readonly detail: string }
  | { readonly state: 'read'; readonly reader: string; readonly done: number; readonly whole: boolean; readonly perplexity?: number };

/** The line in the status bar, without its icon. */
export function statusLine(reading: Reading): string {
  switch (reading.state) {
    case 'missing':
      return `Surprisal · ${reading.notice.title}`;
    case 'unfit':
      return 'Surprisal · not a masked language model';
    case 'failed':
      return 'Surprisal · failed';
    case 'read': {
      const { perplexity, done, whole } = reading;
      const parts = ['Surprisal'];
      if (perplexity !== undefined) parts.push(`pseudo-perplexity ${formatPerplexity(perplexity)}`);
      if (!whole) parts.push('what is in view');
      else if (done < 1) parts.push(`${Math.floor(done * 100)} %`);
      return parts.join(' · ');
    }
  }
}

/** What stands in the tooltip: what the colours mean, and what reads; Markdown with HTML, since only that has colours. */
export function legend(reading: Reading): string {
  if (reading.state === 'missing') return paragraphs(reading.notice.title, reading.notice.detail ?? '');
  if (reading.state === 'unfit' || reading.state === 'failed') return paragraphs(reading.detail);
  const rows = INTENSITIES.map(({ name }, level) => {
    const { nats, probability } = describeIntensity(level);
    const swatch = `<span style="background-color:var(--vscode-objectiveLab-surprisal${level + 1});">&nbsp;${name}&nbsp;</span>`;
    return `| ${swatch} | ${nats}&nbsp;&nbsp; | ${probability} |`;
  });
  return [
    'How unexpected each word is to the model with the word hidden: −ln p.',
    '',
    '| Word | Nats&nbsp;&nbsp; | Probability |',
    '| :-- | --: | :-- |',
    ...rows,
    '',
    'Pseudo-perplexity is exp of the mean surprisal of a token.',
    '',
    `_${escapeMarkdown(reading.reader)}_`,
  ].join('\n');
}

function formatPerplexity(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}

const paragraphs = (...texts: string[]): string => texts.map(escapeMarkdown).join('\n\n');
