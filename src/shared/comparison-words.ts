import type { ComparedProbe, Measurement } from './comparison-types';

/** Below this p-value, corrected for all pairs of the probe, two variants are said to differ. */
export const LEVEL = 0.05;

type Measure = Pick<ComparedProbe, 'better' | 'metric'>;

/** Metrics that are given in points of a hundred already, as is the custom. */
const HUNDREDFOLD: ReadonlySet<string> = new Set(['bleu', 'chrf']);
/** Metrics that have units of their own; all others lie in −1 to 1, or are points, and are shown as points. */
const isPlain = ({ better }: Measure): boolean => better === 'lower';

/** A value of a probe's metric as tables show it: `78.2`, or `12.3` for a perplexity. */
export function shown(value: number, probe: Measure): string {
  if (isPlain(probe)) return value.toPrecision(3);
  return (HUNDREDFOLD.has(probe.metric) ? value : 100 * value).toFixed(1);
}

/** The same with the metric's name: `accuracy 78.2`. */
export const amount = (value: number, probe: ComparedProbe): string => `${probe.metric} ${shown(value, probe)}`;

/** A difference and half of its interval: `2.1 ± 0.8 points`. */
export const gap = (difference: number, reach: number, probe: ComparedProbe): string =>
  `${shown(difference, probe)} ± ${shown(reach, probe)}${isPlain(probe) ? '' : ' points'}`;

/** `MLM is number 1 of 3 on mood, not told apart from 2 of them.` A rank says little where the others are as good. */
export const measurement = ({ variant, rank, of, probe, tied }: Measurement): string =>
  `${variant} is number ${rank} of ${of} on ${probe}${tied > 0 ? `, not told apart from ${tied} of them` : ''}.`;
