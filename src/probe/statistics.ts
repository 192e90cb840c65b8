import type { Interval } from '../shared/probe-types';
import { hash32, uniform } from '../shared/random';

/** A statistic of those examples whose numbers it is given; a resample names some of them several times. */
export type Statistic = (indices: Int32Array) => number;

export const allOf = (examples: number): Int32Array => Int32Array.from({ length: examples }, (_, i) => i);

/** The mean of each example's own value. */
export function meanOf(values: ArrayLike<number>): Statistic {
  return (indices) => {
    let sum = 0;
    for (const i of indices) sum += values[i]!;
    return sum / indices.length;
  };
}

/** The middle 95 % of a statistic over resamples of the examples (percentile bootstrap: Efron & Tibshirani, 1993, chapter 13). A pure function of the seed. */
export function bootstrap(
  examples: number,
  statistic: Statistic,
  { resamples = 2000, seed }: { readonly resamples?: number; readonly seed: number },
): Interval {
  const indices = new Int32Array(examples);
  const values = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    const key = hash32(seed, r);
    for (let i = 0; i < examples; i++) indices[i] = Math.floor(uniform(key, i) * examples);
    values[r] = statistic(indices);
  }
  values.sort();
  return { value: statistic(allOf(examples)), low: quantile(values, 0.025), high: quantile(values, 0.975) };
}

/**
 * Where all examples come out alike every resample does too, and the interval of a share has no width. That is no certainty, and is said: of examples
 * like these about 3 / n may still come out otherwise (rule of three: Hanley & Lippman-Hand, 1983).
 */
export function noteOnAllAlike({ value, low, high }: Interval, examples: number): string[] {
  if (low < high || (value !== 0 && value !== 1)) return [];
  const most = Number(Math.min(100, 300 / examples).toPrecision(2));
  return [
    `${value === 1 ? 'All' : 'None'} of the ${examples} are right, so that the bootstrap shows no spread; of others like them up to ${most} % may come out otherwise (rule of three).`,
  ];
}

/** Of sorted values, interpolated between neighbours as NumPy does. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return below + (above - below) * (at - Math.floor(at));
}

/** A mean and its 95 % interval by Student's t. Of a single value nothing is known of the spread: its interval is the value itself, and the caller must say so. */
export function tInterval(values: readonly number[]): Interval {
  const { mean, error } = standardError(values);
  const reach = values.length < 2 ? 0 : error * tQuantile(0.975, values.length - 1);
  return { value: mean, low: mean - reach, high: mean + reach };
}

/** Student's paired t-test of differences against 0, two-sided. Differences that are all the same but not 0 have `p` 0. */
export function pairedT(differences: readonly number[]): { readonly t: number; readonly p: number } {
  const { mean, error } = standardError(differences);
  if (mean === 0 || differences.length < 2) return { t: 0, p: 1 };
  const t = mean / error;
  return { t, p: studentT(t, differences.length - 1) };
}

/** P(|T| ≥ |t|) of Student's t: the two-sided p-value. */
export const studentT = (t: number, degrees: number): number => 1 - within(Math.abs(t), degrees);

/** Differences of which all signs are tried; of more, a random part. */
const MOST_EXACT = 16;

/**
 * The two-sided p-value of a paired permutation test (Fisher, 1935): how often the mean is as far from 0 when the sign of each difference is drawn by
 * chance. All sign patterns are counted for up to 16 differences; for more, `samples` random ones, the observed one among them (Phipson & Smyth, 2010).
 */
export function pairedPermutation(
  differences: readonly number[],
  { samples = 100_000, seed = 1 }: { readonly samples?: number; readonly seed?: number } = {},
): number {
  const count = differences.length;
  const sizes = differences.map(Math.abs);
  const observed = Math.abs(differences.reduce((a, b) => a + b, 0));
  // Sums of the same numbers in another order differ in their last digits.
  const least = observed - 1e-12 * sizes.reduce((a, b) => a + b, 0);
  const exact = count <= MOST_EXACT;
  const patterns = exact ? 2 ** count : samples;
  let [extreme, bits] = [exact ? 0 : 1, 0];
  for (let pattern = exact ? 0 : 1; pattern < patterns; pattern++) {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      if (i % 32 === 0) bits = exact ? pattern : hash32(seed, pattern, i);
      sum += (bits >>> (i % 32)) & 1 ? sizes[i]! : -sizes[i]!;
    }
    if (Math.abs(sum) >= least) extreme++;
  }
  return extreme / patterns;
}

/** p-values corrected for being many (Holm, 1979), in the order given: a hypothesis is rejected at a level when its own is at most that. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number>(pValues.length);
  let highest = 0;
  order.forEach(({ p, index }, i) => (adjusted[index] = highest = Math.max(highest, Math.min(1, p * (order.length - i)))));
  return adjusted;
}

function standardError(values: readonly number[]): { mean: number; error: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, error: Math.sqrt(squares / (values.length - 1) / values.length) };
}

/** P(|T| ≤ t) of Student's t with a whole number of degrees of freedom (Abramowitz & Stegun, 1964, 26.7.3 and 26.7.4). */
function within(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const odd = degrees % 2;
  let [term, sum] = [odd ? cosine : 1, 0];
  for (let k = odd; k <= degrees - 2; k += 2) {
    sum += term;
    term *= ((k + 1) / (k + 2)) * cosine ** 2;
  }
  return odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}

/** Student's t below which a share of it lies, at least a half, with a whole number of degrees of freedom. */
export function tQuantile(share: number, degrees: number): number {
  let [low, high] = [0, 1];
  while (within(high, degrees) < 2 * share - 1) high *= 2;
  // Bisection ends when there is no number between the two.
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (within(middle, degrees) < 2 * share - 1) low = middle;
    else high = middle;
  }
}
