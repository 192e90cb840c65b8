/** Numbers as the views, the status bar and the progress lines show them: short, stable in width, never `NaN`. */

/** A loss or another quantity in nats: two decimals, three below 0.1. */
export function formatNats(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) < 0.1 ? value.toFixed(3) : value.toFixed(2);
}

/** A count with thousands separators. */
export function formatCount(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : '–';
}

/** A count in three significant digits: `950`, `12.3 k`, `4.43 M`, `2.1 T`. */
export function formatLarge(value: number): string {
  if (!Number.isFinite(value)) return '–';
  for (const [size, suffix] of [
    [1e15, ' P'],
    [1e12, ' T'],
    [1e9, ' G'],
    [1e6, ' M'],
    [1e3, ' k'],
  ] as const) {
    if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(3))}${suffix}`;
  }
  return String(Math.round(value));
}

/** A probability as a percentage; what would round to nothing reads `<0.01 %`. */
export function formatProbability(probability: number): string {
  if (!Number.isFinite(probability)) return '–';
  const percent = probability * 100;
  if (percent > 0 && percent < 0.01) return '<0.01 %';
  return `${percent >= 10 ? percent.toFixed(1) : percent.toFixed(2)} %`;
}

/** A duration in its two largest units: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A learning rate: `5e-4`, `1.25e-5`. */
export function formatRate(rate: number): string {
  return Number.isFinite(rate) ? Number(rate.toPrecision(3)).toExponential() : '–';
}

/** Seconds that the remaining steps take at the speed so far; `undefined` before there is a speed. */
export function secondsLeft(progress: {
  step: number;
  steps: number;
  seconds: number;
  firstStep?: number;
  firstSeconds?: number;
}): number | undefined {
  const done = progress.step - (progress.firstStep ?? 0);
  const taken = progress.seconds - (progress.firstSeconds ?? 0);
  if (done <= 0 || taken <= 0) return undefined;
  return ((progress.steps - progress.step) * taken) / done;
}

/** A text from a file that a message quotes: cut off where it is longer than anybody reads. */
export const shortened = (text: string, most = 100): string => (text.length > most ? `${text.slice(0, most)}…` : text);
