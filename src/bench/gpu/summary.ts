import { median } from '../../shared/statistics';
import { LONGEST_RUN } from '../../train/scan-stepper';
import type { StepsHead, StepsTimes } from './steps';

/** The time of a run of K steps is a + b·K: what is paid once a run, above all for carrying the state both ways, and for each step. In seconds. */
export interface Fit {
  readonly a: number;
  readonly b: number;
}

/** Least squares of the relative errors: short runs say as much as long ones. Undefined for fewer than two numbers of steps. */
export function fitRuns(points: readonly (readonly [k: number, seconds: number])[]): Fit | undefined {
  if (new Set(points.map(([k]) => k)).size < 2) return undefined;
  let [s, sk, skk, sy, sky] = [0, 0, 0, 0, 0];
  for (const [k, y] of points) {
    const weight = 1 / y ** 2;
    [s, sk, skk, sy, sky] = [s + weight, sk + weight * k, skk + weight * k * k, sy + weight * y, sky + weight * k * y];
  }
  const determinant = s * skk - sk * sk;
  return { a: (skk * sy - sk * sky) / determinant, b: (s * sky - sk * sy) / determinant };
}

/** Of a run that training makes longer for the sake of the transfers. */
export const LONGEST_SECONDS = LONGEST_RUN / 1000;

/** What runs of a step say, at the largest number of steps whose run takes no longer than {@link LONGEST_SECONDS}, or at the smallest. */
export interface StepsSummary extends StepsHead {
  readonly k: number;
  readonly millisecondsPerStep: number;
  readonly tokensPerSecond: number;
  /** By the formula, in TFLOP/s. */
  readonly tflops: number;
  /** tflops / the peak; undefined where no peak is known. */
  readonly mfu: number | undefined;
  /** Undefined after a single number of steps. */
  readonly transfer: Transfer | undefined;
  /** Milliseconds a step by the number of steps in a run. */
  readonly sweep: Readonly<Record<number, number>>;
  /** Of the first steps. */
  readonly losses: readonly number[];
}

export interface Transfer {
  /** Once a run. */
  readonly milliseconds: number;
  readonly bytes: number;
  /** Of the time of a run of `k` steps. */
  readonly share: number;
  /** The smallest K with which the share is below {@link SHARE_BAR}. */
  readonly stepsForBar: number;
}

export const SHARE_BAR = 0.05;

/** @param results what {@link timeSteps} gave, as far as it came. @param peak in TFLOP/s */
export function summariseSteps(results: readonly unknown[], peak: number | undefined): StepsSummary | undefined {
  const [head, ...times] = results as [StepsHead | undefined, ...StepsTimes[]];
  const medians = times.map(({ k, seconds }) => [k, median(seconds)] as const);
  const chosen = medians.findLast(([, seconds]) => seconds <= LONGEST_SECONDS) ?? medians[0];
  if (!head || !chosen) return undefined;
  const [k, seconds] = chosen;
  return {
    ...head,
    k,
    ...rates(head, (1000 * seconds) / k, peak),
    transfer: transferOf(head, k, fitRuns(medians)),
    sweep: Object.fromEntries(medians.map(([k, seconds]) => [k, (1000 * seconds) / k])),
    losses: times.flatMap(({ losses }) => losses),
  };
}

function transferOf({ runBytes, stepBytes }: StepsHead, k: number, fit: Fit | undefined): Transfer | undefined {
  if (!fit) return undefined;
  // Noise can make it negative where nothing is carried, as on the processor.
  const a = Math.max(fit.a, 0);
  return {
    milliseconds: 1000 * a,
    bytes: runBytes + k * stepBytes,
    share: a / (a + fit.b * k),
    stepsForBar: Math.max(1, Math.ceil((a * (1 - SHARE_BAR)) / (SHARE_BAR * fit.b))),
  };
}

/** How far losses are from those of a reference. */
export interface Difference {
  /** The largest |loss − reference| / reference; null where a loss is not finite, such as NaN. */
  readonly difference: number | null;
  /** The step that has it, or the first whose loss is not finite, from 1. */
  readonly at: number;
}

/** @param losses as many as `reference` has, or more. JSON makes null of those that are not finite. */
export function differenceOf(losses: readonly (number | null)[], reference: readonly (number | null)[]): Difference {
  const differences = reference.map((expected, i) => Math.abs((losses[i] ?? NaN) - (expected ?? NaN)) / (expected ?? NaN));
  const wrong = differences.findIndex((difference) => !Number.isFinite(difference));
  if (wrong >= 0) return { difference: null, at: 1 + wrong };
  const difference = Math.max(...differences);
  return { difference, at: 1 + differences.indexOf(difference) };
}

/** What follows from the time of a step. */
export function rates(
  { tokens, formulaFlops }: Pick<StepsHead, 'tokens' | 'formulaFlops'>,
  millisecondsPerStep: number,
  peak: number | undefined,
): Pick<StepsSummary, 'millisecondsPerStep' | 'tokensPerSecond' | 'tflops' | 'mfu'> {
  const tflops = formulaFlops / millisecondsPerStep / 1e9;
  return {
    millisecondsPerStep,
    tokensPerSecond: (1000 * tokens) / millisecondsPerStep,
    tflops,
    mfu: peak === undefined ? undefined : tflops / peak,
  };
}
