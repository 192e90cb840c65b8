import { formatNats } from '../../shared/format';

/** One class of surprise: words that the model gives at most a chance of 1 in `odds`, and more than the next class's. */
export interface Intensity {
  readonly odds: number;
  /** Surprisal from which a word belongs here, in nats: the natural logarithm of `odds`. */
  readonly from: number;
  readonly name: string;
}

/** From expected to astonishing: after the first two, each class is ten times less likely than the one before. */
export const INTENSITIES: readonly Intensity[] = (
  [
    [1, 'expected'],
    [2, 'likely'],
    [10, 'possible'],
    [100, 'surprising'],
    [1_000, 'very surprising'],
    [10_000, 'astonishing'],
  ] as const
).map(([odds, name]) => ({ odds, from: Math.log(odds), name }));

/** The class of a surprisal in nats, as an index of {@link INTENSITIES}. */
export function intensityOf(surprisal: number): number {
  return Math.max(
    0,
    INTENSITIES.findLastIndex(({ from }) => surprisal >= from),
  );
}

/** `2.30–4.61 nats`, with the probabilities that they stand for. */
export function describeIntensity(index: number): { nats: string; probability: string } {
  const [here, next] = [INTENSITIES[index], INTENSITIES[index + 1]];
  const odds = (value: number | undefined): string => `1 in ${(value ?? 1).toLocaleString('en-US')}`;
  if (!next) return { nats: `${formatNats(here?.from ?? 0)} or more`, probability: `at most ${odds(here?.odds)}` };
  if (index === 0) return { nats: `below ${formatNats(next.from)}`, probability: `more than ${odds(next.odds)}` };
  return { nats: `${formatNats(here?.from ?? 0)}–${formatNats(next.from)}`, probability: `${odds(here?.odds)} to ${odds(next.odds)}` };
}
