import { formatCount, formatNats } from '../../shared/format';
import type { CurveView } from '../../shared/views';
import { colourAt, FAINT, INK, label, LINE, picture, tag } from './svg';
import { cut } from './text';

const [WIDTH, PLOT, EDGE, LEFT] = [640, 180, 14, 56];
type Plot = CurveView['plots'][number];
type Role = Plot['series'][number]['role'];

const styleOf = (role: Role): Record<string, string | number> => {
  if (typeof role === 'number') return { stroke: colourAt(role), 'stroke-width': 1.5 };
  return {
    noise: { stroke: colourAt(0), 'stroke-width': 1, opacity: 0.25 },
    training: { stroke: colourAt(0), 'stroke-width': 2 },
    'held-out': { stroke: colourAt(1), 'stroke-width': 2 },
    baseline: { stroke: FAINT, 'stroke-width': 1.2, 'stroke-dasharray': '5 4' },
  }[role];
};

/** Runs of a run as SVG: each plot under the other, with axes and a legend. */
export function curveSvg({ title, note, plots }: CurveView): string {
  const parts = [label(EDGE, EDGE + 10, cut(title, 60), { 'font-weight': 700 }), label(EDGE, EDGE + 28, cut(note, 100), { fill: FAINT })];
  let y = EDGE + 44;
  for (const plot of plots) {
    parts.push(...drawPlot(plot, y));
    y += PLOT + 46;
  }
  return picture(WIDTH, y, parts, title);
}

function drawPlot({ title, steps, series, logarithmic }: Plot, top: number): string[] {
  const scaled = (value: number): number => (logarithmic ? Math.log10(value) : value);
  const seen = series.flatMap(({ values }) =>
    values.flatMap((value) => (value === null || !Number.isFinite(scaled(value)) ? [] : [scaled(value)])),
  );
  if (seen.length === 0) return [label(EDGE, top + 10, `${title}: nothing yet`, { fill: FAINT })];
  const [low, high] = [Math.min(...seen), Math.max(...seen)];
  const [first, last] = [steps[0] ?? 0, steps.at(-1) ?? 1];
  const right = WIDTH - EDGE;
  const x = (step: number): number => LEFT + ((right - LEFT) * (step - first)) / (last - first || 1);
  const y = (value: number): number => top + 18 + PLOT - (PLOT * (scaled(value) - low)) / (high - low || 1);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => low + share * (high - low));
  const grid = ticks.flatMap((tick) => {
    const value = logarithmic ? 10 ** tick : tick;
    return [
      tag('line', { x1: LEFT, x2: right, y1: y(value), y2: y(value), stroke: LINE }),
      label(LEFT - 6, y(value) + 4, formatNats(value), { 'text-anchor': 'end', fill: FAINT, 'font-size': 10 }),
    ];
  });
  const curves = series.map(({ values, role }) => {
    const points = values.flatMap((value, i) =>
      value === null || !Number.isFinite(scaled(value)) ? [] : [`${x(steps[i]!).toFixed(1)},${y(value).toFixed(1)}`],
    );
    const line = tag('polyline', { points: points.join(' '), fill: 'none', 'stroke-linejoin': 'round', ...styleOf(role) });
    const [point] = points;
    return points.length === 1
      ? tag('circle', { cx: point!.split(',')[0]!, cy: point!.split(',')[1]!, r: 3, fill: String(styleOf(role).stroke) })
      : line;
  });
  const keys = series.filter(({ role }) => role !== 'noise');
  // From the right, each as wide as its text is likely to be: the title has the rest.
  let at = right;
  const legend = [...keys].reverse().flatMap(({ label: name, role, values }) => {
    const value = values.findLast((each) => each !== null) ?? undefined;
    const shown = cut(value === undefined ? name : `${name} ${formatNats(value)}`, 30);
    at -= 34 + 6 * shown.length;
    return [
      tag('line', { x1: at, x2: at + 16, y1: top + 4, y2: top + 4, ...styleOf(role), opacity: 1 }),
      label(at + 21, top + 8, shown, { fill: INK, 'font-size': 11 }),
    ];
  });
  const axis = [first, last].map((step, i) =>
    label(i === 0 ? LEFT : right, top + PLOT + 34, `${i === 0 ? 'step ' : ''}${formatCount(step)}`, {
      'text-anchor': i === 0 ? 'start' : 'end',
      fill: FAINT,
      'font-size': 10,
    }),
  );
  return [label(EDGE, top + 8, cut(title, Math.floor((at - EDGE) / 7)), { 'font-weight': 700 }), ...grid, ...curves, ...legend, ...axis];
}
