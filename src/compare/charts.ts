import type { ComparedProbe, ComparisonReport } from '../shared/comparison-types';
import { shown } from '../shared/comparison-words';
import { paretoFront } from '../shared/pareto';
import { svgOf, type Series } from './svg';
import { slugOf } from './variants';

/** Variants on two tasks at once: those that no other beats on both (the Pareto front) are joined. @returns undefined when fewer than two share both */
export function paretoChart(report: ComparisonReport, first: ComparedProbe, second: ComparedProbe): string | undefined {
  const places = placesOn(report, first, second);
  if (places.length < 2) return undefined;
  const series: Series[] = places.map(({ variant, x, y }) => ({
    name: variant,
    points: [[x.mean, y.mean]],
    bars: [{ x: [x.low, x.high], y: [y.low, y.high] }],
  }));
  const front = paretoFront(
    places.map(({ variant, x, y }) => ({ variant, x: x.mean, y: y.mean })),
    first.better,
    second.better,
  );
  const axis = (probe: ComparedProbe): string => `${probe.name}: ${probe.metric}${probe.better === 'lower' ? ' (lower is better)' : ''}`;
  return svgOf({
    title: `${first.name} and ${second.name}`,
    x: axis(first),
    y: axis(second),
    lines: true,
    series: [...series, { name: 'not beaten on both', points: front.map(({ x, y }) => [x, y]), dotted: true }],
  });
}

function placesOn({ variants, cells }: ComparisonReport, first: ComparedProbe, second: ComparedProbe) {
  const result = (variant: string, probe: ComparedProbe) =>
    cells.find((cell) => cell.variant === variant && cell.probe === probe.name)?.result;
  return variants.flatMap(({ name: variant }) => {
    const [x, y] = [result(variant, first), result(variant, second)];
    return x && y ? [{ variant, x, y }] : [];
  });
}

/** Learning curves by file name: each objective's held-out loss and each probe's metric that several points are known of. */
export function curveCharts({ curves, probes }: ComparisonReport): Map<string, string> {
  const known = new Set(probes.map(({ name }) => name));
  // An objective's loss has the objective's name; further metrics are in the runs' own charts.
  const isDrawn = (name: string): boolean => known.has(name) || (!name.includes('.') && name !== 'unigram');
  const names = new Set(curves.flatMap(({ points }) => points.flatMap(({ values }) => Object.keys(values).filter(isDrawn))));
  const charts = new Map<string, string>();
  for (const name of names) {
    const series = curves.flatMap(({ variant, points }): Series[] => {
      const known = points.flatMap(({ flops, values }) => (values[name] === undefined ? [] : [[flops, values[name]] as const]));
      return known.length > 1 ? [{ name: variant, points: known }] : [];
    });
    const probe = probes.find((each) => each.name === name);
    if (series.length === 0) continue;
    const y = probe ? probe.metric : 'held-out value';
    charts.set(`curve-${slugOf(name)}.svg`, svgOf({ title: name, x: 'FLOP of matrix products', y, series, lines: true }));
  }
  return charts;
}

/** `78.2 (77.1 to 79.3)` */
export const interval = ({ mean, low, high }: { mean: number; low: number; high: number }, probe: ComparedProbe): string =>
  `${shown(mean, probe)} (${shown(low, probe)} to ${shown(high, probe)})`;
