import type { ComparedPair, ComparedProbe, ComparisonReport, SeedMean } from '../../src/shared/comparison-types';
import { gap, LEVEL, shown } from '../../src/shared/comparison-words';
import { formatLarge } from '../../src/shared/format';
import { paretoFront } from '../../src/shared/pareto';
import type { Plot } from '../../src/shared/learning-curves';

/** Where an interval stands between the least and the greatest value of its probe, in 0…1. */
export interface Whisker {
  readonly low: number;
  readonly mean: number;
  readonly high: number;
}

/** One variant on one probe, as it is written. */
export interface ShownCell {
  readonly probe: ComparedProbe;
  /** `78.2`, and `77.1 to 79.3` where several seeds give an interval; absent while there is no value, and `why` may say why. */
  readonly value?: string;
  readonly interval?: string;
  readonly rank?: number;
  readonly whisker?: Whisker;
  /** `tied`: it cannot be told from the best. */
  readonly mark?: 'best' | 'tied';
  readonly why?: string;
}

/** The table of results: a row a variant, a cell a probe. */
export function rowsOf(report: ComparisonReport): { readonly variant: string; readonly cells: readonly ShownCell[] }[] {
  const scales = new Map(report.probes.map((probe) => [probe.name, scaleOf(report, probe.name)]));
  return report.variants.map(({ name: variant }) => ({
    variant,
    cells: report.probes.map((probe): ShownCell => {
      const cell = report.cells.find((each) => each.variant === variant && each.probe === probe.name);
      if (!cell?.result) return { probe, ...(cell?.why !== undefined && { why: cell.why }) };
      const { mean, low, high, values } = cell.result;
      const place = scales.get(probe.name)!;
      const rivals = report.recommendations.find((each) => each.probe === probe.name)?.rivals ?? [];
      const mark = cell.rank === 1 ? 'best' : rivals.includes(variant) ? 'tied' : undefined;
      return {
        probe,
        value: shown(mean, probe),
        ...(values.length > 1 && { interval: `${shown(low, probe)} to ${shown(high, probe)}` }),
        ...(cell.rank !== undefined && { rank: cell.rank }),
        ...(mark && { mark }),
        whisker: { low: place(low), mean: place(mean), high: place(high) },
      };
    }),
  }));
}

/** From a probe's unit to its place between the least and the greatest end of an interval. */
function scaleOf({ cells }: ComparisonReport, probe: string): (value: number) => number {
  const ends = cells.flatMap(({ probe: of, result }) => (of === probe && result ? [result.low, result.high] : []));
  return unitScale(ends);
}

function unitScale(values: readonly number[]): (value: number) => number {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  return (value) => (greatest > least ? Math.min(1, Math.max(0, (value - least) / (greatest - least))) : 0.5);
}

/** What learning curves there are: probes first, in their order, then held-out losses. Only what several points of some variant are known of. */
export function curveNames({ curves, probes }: ComparisonReport): string[] {
  const counts = new Map<string, number>();
  for (const { points } of curves) {
    const own = new Map<string, number>();
    for (const name of points.flatMap(({ values }) => Object.keys(values))) own.set(name, (own.get(name) ?? 0) + 1);
    for (const [name, count] of own) counts.set(name, Math.max(counts.get(name) ?? 0, count));
  }
  const known = [...counts].flatMap(([name, count]) => (count > 1 ? [name] : []));
  const first = probes.map(({ name }) => name).filter((name) => known.includes(name));
  return [...first, ...known.filter((name) => !first.includes(name)).sort()];
}

/** One measured quantity of all variants over the FLOP that they had spent. */
export function curvePlot({ curves, probes }: ComparisonReport, name: string): Plot {
  const own = curves.map(({ variant, points }) => ({
    variant,
    values: new Map(points.flatMap(({ flops, values }) => (values[name] === undefined ? [] : [[flops, values[name]] as const]))),
  }));
  const places = [...new Set(own.flatMap(({ values }) => [...values.keys()]))].sort((a, b) => a - b);
  const probe = probes.find((each) => each.name === name);
  return {
    title: probe ? `${probe.metric} over FLOP` : 'Held out, over FLOP',
    steps: places,
    across: (flops) => (flops === 0 ? '0' : `${formatLarge(flops)}FLOP`),
    series: own.flatMap(({ variant, values }, role) =>
      values.size === 0 ? [] : [{ label: variant, role, values: places.map((place) => values.get(place) ?? null) }],
    ),
  };
}

/** A variant on two probes, each end of its intervals in 0…1. */
export interface ParetoPlace {
  readonly variant: string;
  readonly x: Whisker;
  readonly y: Whisker;
  /** As they are read out: `accuracy 78.2, Spearman 31.0`. */
  readonly words: string;
  /** Whether no other is at least as good on both. */
  readonly front: boolean;
}

/** The variants that have a value on both probes. */
export function paretoPlaces(report: ComparisonReport, first: ComparedProbe, second: ComparedProbe): ParetoPlace[] {
  const [toX, toY] = [scaleOf(report, first.name), scaleOf(report, second.name)];
  const whisker = ({ low, mean, high }: SeedMean, place: (value: number) => number): Whisker => ({
    low: place(low),
    mean: place(mean),
    high: place(high),
  });
  const result = (variant: string, probe: ComparedProbe): SeedMean | undefined =>
    report.cells.find((cell) => cell.variant === variant && cell.probe === probe.name)?.result;
  const both = report.variants.flatMap(({ name: variant }) => {
    const [x, y] = [result(variant, first), result(variant, second)];
    return x && y ? [{ variant, x, y }] : [];
  });
  const means = both.map(({ variant, x, y }) => ({ variant, x: x.mean, y: y.mean }));
  const front = new Set(paretoFront(means, first.better, second.better).map(({ variant }) => variant));
  return both.map(({ variant, x, y }) => ({
    variant,
    x: whisker(x, toX),
    y: whisker(y, toY),
    words: `${first.metric} ${shown(x.mean, first)}, ${second.metric} ${shown(y.mean, second)}`,
    front: front.has(variant),
  }));
}

/** The least and the greatest end of the intervals of a probe, as an axis is marked. */
export function endsOf({ cells }: ComparisonReport, probe: ComparedProbe): [string, string] | undefined {
  const ends = cells.flatMap(({ probe: of, result }) => (of === probe.name && result ? [result.low, result.high] : []));
  return ends.length === 0 ? undefined : [shown(Math.min(...ends), probe), shown(Math.max(...ends), probe)];
}

/** A pair with the better one first. */
export interface ShownPair {
  readonly better: string;
  readonly than: string;
  readonly by: string;
  readonly ahead: string;
  readonly p: string;
  readonly adjusted: string;
  readonly told: boolean;
}

/** The pairs of a probe that several seeds tell of, the surest first. */
export function pairsOf({ pairs }: ComparisonReport, probe: ComparedProbe): ShownPair[] {
  return pairs
    .filter((pair) => pair.probe === probe.name && pair.seeds > 1)
    .map(favoured)
    .sort((one, other) => one.adjusted - other.adjusted || one.p - other.p)
    .map(({ a, b, difference, high, wins, seeds, p, adjusted }) => ({
      better: a,
      than: b,
      by: gap(difference, high - difference, probe),
      ahead: `${wins} of ${seeds}`,
      p: pValue(p),
      adjusted: pValue(adjusted),
      told: adjusted < LEVEL,
    }));
}

const favoured = (pair: ComparedPair): ComparedPair =>
  pair.difference >= 0
    ? pair
    : { ...pair, a: pair.b, b: pair.a, difference: -pair.difference, low: -pair.high, high: -pair.low, wins: pair.seeds - pair.wins };

const pValue = (p: number): string => (p < 0.001 ? '<0.001' : p.toFixed(3));
