import { formatProbability } from '../../shared/format';
import type { View } from '../../shared/views';
import { barsSvg, predictionsSvg } from './bars';
import { curveSvg } from './curve';
import { heatmapSvg, mapSvg } from './heatmap';
import { tableHtml, tableText, textHtml } from './table';
import { cut } from './text';

/**
 * Static twins of a view by MIME type: one of HTML or SVG, for every program that shows notebooks, and one of plain text. They hold no script, and
 * nothing of the data is ever markup.
 */
export function twinOf(view: View): Record<string, string> {
  const svg = (picture: string, text: string): Record<string, string> => ({ 'image/svg+xml': picture, 'text/plain': text });
  switch (view.kind) {
    case 'predictions':
      return svg(predictionsSvg(view), view.places.map(predictionText).join('\n'));
    case 'heatmap':
      return svg(
        heatmapSvg(view),
        `Heatmap of ${view.rows.length} × ${view.columns.length}, from ${view.low.toFixed(2)} to ${view.high.toFixed(2)}`,
      );
    case 'map':
      return svg(mapSvg(view), `Map of ${view.points.length} texts`);
    case 'curve':
      return svg(curveSvg(view), `${view.title}: ${view.note}`);
    case 'bars':
      return svg(barsSvg(view), [view.title, ...view.bars.map(({ label, shown }) => `${label}: ${shown}`)].join('\n'));
    case 'table':
      return { 'text/html': tableHtml(view), 'text/plain': tableText(view) };
    case 'text':
      return {
        'text/html': textHtml(view),
        'text/plain': [view.parts.map(({ text }) => text).join(''), view.note].filter(Boolean).join('\n'),
      };
  }
}

const predictionText = ({ before, after, candidates }: Extract<View, { kind: 'predictions' }>['places'][number]): string =>
  [
    `${cut(before.slice(-60), 60)} [MASK] ${cut(after, 40)}`.trim(),
    ...candidates.map(({ text, probability }) => `  ${formatProbability(probability).padStart(8)}  ${text}`),
  ].join('\n');

export { escape } from './text';
