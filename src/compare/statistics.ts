import { holm, pairedPermutation, studentT, tQuantile } from '../probe/statistics';

/** The values of a variant on one probe, by seed. */
export interface Row {
  readonly variant: string;
  readonly values: ReadonlyMap<number, number>;
}

export interface Pair {
  readonly a: string;
  readonly b: string;
  /** Mean of a − b over the seeds that both have, in favour of `a`. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Seeds in which `a` is ahead, and those in which `b` is. */
  readonly wins: number;
  readonly losses: number;
  readonly seeds: number;
  readonly p: number;
  readonly adjusted: number;
  readonly permutation?: number;
  /** Standard deviation of a difference between seeds, by which the test was made. */
  readonly deviation: number;
}

/** Fewer seeds cannot reach 0.05 by flipping signs: 2 / 2⁶ is 0.03. */
const ENOUGH_FOR_PERMUTATION = 6;

interface Difference {
  readonly a: Row;
  readonly b: Row;
  readonly values: readonly number[];
  readonly mean: number;
  /** Sample variance; 0 for a single seed. */
  readonly variance: number;
}

/**
 * Every pair of variants on one probe, tested by paired differences: the same seed, the same order of the data. With three seeds the spread of three
 * differences is hardly known, so no pair is tested by a smaller one than that of all pairs together (as in the analysis of variance of randomised
 * blocks: Fisher, 1935), with its (variants − 1)(seeds − 1) degrees of freedom; a pair whose own spread is larger is tested by that. Where all variants
 * are equally noisy this claims less than it may; with two variants it is Student's paired t-test itself. p-values are corrected for all pairs of the
 * probe (Holm, 1979). How often it errs is simulated in `test/unit/compare/statistics.test.ts`.
 *
 * @param better which way the metric goes
 * @param resolution the smallest difference that the metric can show, such as one test example more: no spread is taken for less
 */
export function comparePairs(rows: readonly Row[], better: 'higher' | 'lower', resolution = 0): Pair[] {
  const sign = better === 'higher' ? 1 : -1;
  const differences = rows.flatMap((a, i) => rows.slice(i + 1).map((b) => differenceOf(a, b, sign)));
  const tested = differences.filter(({ values }) => values.length > 1);
  const freedom = tested.reduce((sum, { values }) => sum + values.length - 1, 0);
  const pooled = freedom === 0 ? 0 : tested.reduce((sum, { variance, values }) => sum + variance * (values.length - 1), 0) / freedom;
  const seeds = Math.min(...tested.map(({ values }) => values.length));
  const pooledFreedom = tested.length === 0 ? 0 : (new Set(tested.flatMap(({ a, b }) => [a.variant, b.variant])).size - 1) * (seeds - 1);
  const pairs = differences.map((difference) => test(difference, pooled, pooledFreedom, resolution));
  const adjusted = holm(pairs.map(({ p }) => p));
  return pairs.map((pair, i) => ({ ...pair, adjusted: adjusted[i]! }));
}

function differenceOf(a: Row, b: Row, sign: number): Difference {
  const values = [...a.values].flatMap(([seed, value]) => (b.values.has(seed) ? [sign * (value - b.values.get(seed)!)] : []));
  const mean = values.reduce((x, y) => x + y, 0) / values.length;
  const variance = values.length < 2 ? 0 : values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
  return { a, b, values, mean, variance };
}

function test({ a, b, values, mean, variance }: Difference, pooled: number, freedom: number, resolution: number): Omit<Pair, 'adjusted'> {
  const n = values.length;
  const [wins, losses] = [values.filter((value) => value > 0).length, values.filter((value) => value < 0).length];
  const named = { a: a.variant, b: b.variant, difference: n === 0 ? 0 : mean, wins, losses, seeds: n };
  // Of one seed nothing is known of luck but what other pairs show.
  if (n < 2) return { ...named, low: named.difference, high: named.difference, p: 1, deviation: Math.sqrt(pooled) };
  const deviation = Math.max(Math.sqrt(Math.max(variance, pooled)), resolution);
  const error = deviation / Math.sqrt(n);
  const reach = error * tQuantile(0.975, freedom);
  return {
    ...named,
    low: mean - reach,
    high: mean + reach,
    p: error === 0 ? (mean === 0 ? 1 : 0) : studentT(mean / error, freedom),
    deviation,
    ...(n >= ENOUGH_FOR_PERMUTATION && { permutation: pairedPermutation(values) }),
  };
}

/** Of a two-sided test at 5 %, and the power that is asked for. */
const [QUANTILE, POWER] = [0.975, 0.8];

/**
 * About how many seeds it would take to tell two variants apart if they differ as much as was measured (Cohen, 1988): by Student's t, since few seeds
 * hardly know their own spread, and of this pair alone. Infinity if they do not differ.
 */
export function seedsNeeded({ difference, deviation }: Pick<Pair, 'difference' | 'deviation'>): number {
  const spread = deviation / Math.abs(difference);
  if (!Number.isFinite(spread)) return Infinity;
  const isEnough = (seeds: number): boolean => Math.sqrt(seeds) >= (tQuantile(QUANTILE, seeds - 1) + tQuantile(POWER, seeds - 1)) * spread;
  // By the normal distribution, which is right for many: 1.96 + 0.84.
  let seeds = Math.max(2, Math.ceil((2.8 * spread) ** 2));
  while (seeds < 1000 && !isEnough(seeds)) seeds++;
  return seeds;
}
