import type { HeatmapView, MapView } from '../../shared/views';
import { colourAt, FAINT, label, LINE, picture, tag } from './svg';
import { cut, escape } from './text';

/** Of larger matrices a picture shows means of blocks of cells. */
const MOST_CELLS = 60;
const [EDGE, NAMES] = [14, 210];

type Rgb = readonly [number, number, number];
/** From little to much: light yellow over orange to dark purple, in order of lightness, so that it reads in grey too. */
const STOPS: readonly Rgb[] = [
  [255, 247, 214],
  [250, 190, 110],
  [221, 100, 92],
  [136, 38, 120],
  [45, 12, 80],
];

export function colourOf(share: number): string {
  const at = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * (STOPS.length - 1);
  const low = Math.min(STOPS.length - 2, Math.floor(at));
  const mixed = STOPS[low]!.map((value, i) => Math.round(value + (STOPS[low + 1]![i]! - value) * (at - low)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/** Means of square blocks, so that neither side has more than {@link MOST_CELLS}. */
function thinned({ rows, columns, values }: HeatmapView): { height: number; width: number; at: (row: number, column: number) => number } {
  const block = Math.max(1, Math.ceil(Math.max(rows.length, columns.length) / MOST_CELLS));
  const [height, width] = [Math.ceil(rows.length / block), Math.ceil(columns.length / block)];
  const at = (row: number, column: number): number => {
    let [sum, count] = [0, 0];
    for (let y = row * block; y < Math.min(rows.length, (row + 1) * block); y++)
      for (let x = column * block; x < Math.min(columns.length, (column + 1) * block); x++)
        [sum, count] = [sum + (values[y * columns.length + x] ?? NaN), count + 1];
    return sum / count;
  };
  return { height, width, at };
}

export function heatmapSvg(view: HeatmapView): string {
  const { rows, columns, low, high } = view;
  const { height, width, at } = thinned(view);
  const whole = height === rows.length && width === columns.length;
  const cell = Math.max(6, Math.min(28, 380 / Math.max(height, width, 1)));
  const named = whole && cell >= 12;
  const left = EDGE + (named ? NAMES : 0);
  const parts: string[] = [];
  for (let y = 0; y < height; y++) {
    if (named) parts.push(label(left - 8, EDGE + (y + 0.5) * cell + 4, cut(rows[y]!, 32), { 'text-anchor': 'end' }));
    for (let x = 0; x < width; x++) {
      const value = at(y, x);
      const said = whole ? `${cut(rows[y]!, 60)} · ${cut(columns[x]!, 60)}: ${value.toFixed(3)}` : value.toFixed(3);
      const box = {
        x: left + x * cell,
        y: EDGE + y * cell,
        width: cell - 1,
        height: cell - 1,
        fill: Number.isFinite(value) ? colourOf((value - low) / (high - low)) : 'none',
      };
      parts.push(tag('rect', box, tag('title', {}, escape(said))));
    }
  }
  const bottom = EDGE + height * cell + 18;
  for (let i = 0; i < 50; i++)
    parts.push(tag('rect', { x: left + 40 + i * 2, y: bottom - 9, width: 2, height: 10, fill: colourOf(i / 49) }));
  parts.push(label(left, bottom, low.toFixed(2), { fill: FAINT }), label(left + 148, bottom, high.toFixed(2), { fill: FAINT }));
  return picture(Math.max(left + width * cell, left + 190) + EDGE, bottom + EDGE, parts, 'Heatmap');
}

export function mapSvg({ points }: MapView): string {
  const [width, height, edge] = [640, 420, 40];
  const bounds = (values: number[]): [number, number] => [Math.min(...values), Math.max(...values)];
  const [[left, right], [low, high]] = [bounds(points.map(({ x }) => x)), bounds(points.map(({ y }) => y))];
  // One scale for both axes: distances are compared.
  const scale = Math.min((width - 2 * edge) / (right - left || 1), (height - 2 * edge) / (high - low || 1));
  const groups = [...new Set(points.map(({ group }) => group))];
  const named = points.length <= 40;
  const parts = points.flatMap(({ text, x, y, group }) => {
    const [cx, cy] = [width / 2 + (x - (left + right) / 2) * scale, height / 2 - (y - (low + high) / 2) * scale];
    const dot = tag('circle', { cx, cy, r: 4, fill: colourAt(groups.indexOf(group)) }, tag('title', {}, escape(cut(text, 120))));
    const end = cx > width * 0.6;
    return named
      ? [dot, label(cx + (end ? -7 : 7), cy + 4, cut(text, 28), { 'font-size': 10, fill: FAINT, 'text-anchor': end ? 'end' : 'start' })]
      : [dot];
  });
  const legend = groups.flatMap((group, i) =>
    group === undefined
      ? []
      : [tag('circle', { cx: 18, cy: 18 + i * 18, r: 4, fill: colourAt(i) }), label(28, 22 + i * 18, cut(group, 30), { fill: FAINT })],
  );
  return picture(
    width,
    height,
    [tag('rect', { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 6, fill: 'none', stroke: LINE }), ...parts, ...legend],
    'Map',
  );
}
