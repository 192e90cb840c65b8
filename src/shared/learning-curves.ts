import type { Baseline, Metrics } from './types';

/** One curve of a plot, over the plot's steps; `null` where it has no point. */
export interface Series {
  readonly label: string;
  /** `noise` is what `training` smooths; a number is a part's place among several. */
  readonly role: 'noise' | 'training' | 'held-out' | 'baseline' | number;
  readonly values: readonly (number | null)[];
}

export interface Plot {
  readonly title: string;
  /** Where the points stand: steps of a run, or what `across` says. */
  readonly steps: readonly number[];
  readonly series: readonly Series[];
  readonly logarithmic?: boolean;
  /** How a place on the horizontal axis is written. Default: as a count. */
  readonly across?: (place: number) => string;
}

/** More points than a chart has pixels only cost time. */
const MOST_POINTS = 1500;
/** Over how many of the newest steps the wait for data is averaged. */
const RECENT = 50;

type Entry = Pick<Metrics, 'loss' | 'eval' | 'probes' | 'gradientNorms'>;

/** The metrics of a run, one entry a step however training and evaluation lines come. */
export class History {
  readonly #steps = new Map<number, Entry>();
  readonly #objectives = new Set<string>();
  #waits: number[] = [];
  #last: Metrics | undefined;
  #evaluation: Metrics['eval'];

  add(lines: readonly Metrics[]): void {
    for (const line of lines) {
      const { step, loss, gradientNorms, dataWait } = line;
      // A run that was resumed, or went back, does steps again.
      if (loss && this.#last && step <= this.#last.step)
        for (const later of [...this.#steps.keys()].filter((each) => each >= step)) this.#steps.delete(later);
      const entry = this.#steps.get(step) ?? {};
      this.#steps.set(step, {
        ...entry,
        ...(loss && { loss }),
        ...(line.eval && { eval: line.eval }),
        ...(line.probes && { probes: line.probes }),
        ...(gradientNorms && { gradientNorms }),
      });
      if (loss) this.#last = line;
      if (line.eval) this.#evaluation = line.eval;
      if (dataWait !== undefined) this.#waits = [...this.#waits, dataWait].slice(-RECENT);
      for (const name of [...Object.keys(line.eval ?? {}), ...Object.keys(loss ?? {})]) if (isObjective(name)) this.#objectives.add(name);
    }
  }

  /** The newest training line. */
  get last(): Metrics | undefined {
    return this.#last;
  }

  /** The newest evaluation. */
  get evaluation(): Metrics['eval'] {
    return this.#evaluation;
  }

  /** Share of the latest steps' time in which the device waited for its batch; undefined before there is one. */
  get dataWait(): number | undefined {
    return this.#waits.length > 0 ? this.#waits.reduce((sum, wait) => sum + wait, 0) / this.#waits.length : undefined;
  }

  /** The objectives that were measured, in their own order. */
  get objectives(): string[] {
    return [...this.#objectives];
  }

  /**
   * What is drawn of an objective: its loss, and the metric that says whether it beats its baseline, where that is another one.
   *
   * @param steps of the whole run: smoothing reaches over a hundredth of them, so that the curve keeps its shape while the run goes on
   */
  plots(objective: string, baselines: readonly Baseline[], steps: number): Plot[] {
    const baseline = baselines.find(({ metric }) => metric === objective || metric.startsWith(`${objective}.`));
    const { entries, kept } = this.#thinned();
    const losses = entries.map(([, { loss }]) => loss?.[objective] ?? null);
    const averages = smooth(losses, Math.max(3, steps / 100));
    const heldOut = (metric: string): Series => ({
      label: 'held out',
      role: 'held-out',
      values: kept.map((i) => entries[i]![1].eval?.[metric] ?? null),
    });
    const level = (metric: string): Series[] =>
      baseline?.metric === metric ? [{ label: baseline.by, role: 'baseline', values: kept.map(() => baseline.value) }] : [];
    const at = kept.map((i) => entries[i]![0]);
    const loss: Plot = {
      title: 'Loss',
      steps: at,
      series: [
        { label: 'each step', role: 'noise', values: kept.map((i) => losses[i]!) },
        { label: 'training', role: 'training', values: kept.map((i) => averages[i]!) },
        heldOut(objective),
        ...level(objective),
      ],
    };
    if (!baseline || baseline.metric === objective) return [loss];
    const title = capitalised(baseline.metric.slice(objective.length + 1));
    return [loss, { title, steps: at, series: [heldOut(baseline.metric), ...level(baseline.metric)] }];
  }

  /** What the downstream tasks measured: a plot for each. */
  probes(): Plot[] {
    const measured = [...this.#steps].flatMap(([step, { probes }]) => (probes ? [{ step, probes }] : [])).sort((a, b) => a.step - b.step);
    const names = [...new Set(measured.flatMap(({ probes }) => Object.keys(probes)))];
    return names.map((title) => ({
      title,
      steps: measured.map(({ step }) => step),
      series: [{ label: 'test', role: 'held-out', values: measured.map(({ probes }) => probes[title] ?? null) }],
    }));
  }

  /** How hard the objectives of a sum pull: the norms of their weighted gradients. Undefined where there is one objective a step. */
  gradientNorms(steps: number): Plot | undefined {
    const { entries, kept } = this.#thinned();
    const names = [...new Set(entries.flatMap(([, { gradientNorms }]) => Object.keys(gradientNorms ?? {})))];
    if (names.length < 2) return undefined;
    const series = names.map((label, role): Series => {
      const norms = smooth(
        entries.map(([, { gradientNorms }]) => gradientNorms?.[label] ?? null),
        Math.max(3, steps / 100),
      );
      // A logarithm has no place for zero, which a gradient may be.
      return { label, role, values: kept.map((i) => (norms[i]! > 0 ? norms[i]! : null)) };
    });
    return { title: 'Gradient norms', steps: kept.map((i) => entries[i]![0]), series, logarithmic: true };
  }

  /** All entries by step, and the numbers of those that are drawn. */
  #thinned(): { entries: [number, Entry][]; kept: number[] } {
    const entries = [...this.#steps].sort(([a], [b]) => a - b);
    const stride = Math.ceil(entries.length / MOST_POINTS);
    const kept = entries.flatMap(([, entry], i) => (i % stride === 0 || i === entries.length - 1 || entry.eval || entry.probes ? [i] : []));
    return { entries, kept };
  }
}

const isObjective = (name: string): boolean => !name.includes('.') && name !== 'total' && name !== 'unigram';

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Exponential moving average with a half-life in points, corrected for its start; gaps stay gaps. */
export function smooth(values: readonly (number | null)[], halfLife: number): (number | null)[] {
  const decay = 0.5 ** (1 / halfLife);
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    sum = decay * sum + (1 - decay) * value;
    weight = decay * weight + (1 - decay);
    return sum / weight;
  });
}

/** Metrics beside the loss, without the one that has a plot of its own. */
export function furtherMetrics(
  evaluation: Metrics['eval'],
  objective: string,
  baselines: readonly Baseline[],
): [name: string, value: number][] {
  const plotted = new Set(baselines.map(({ metric }) => metric));
  return Object.entries(evaluation ?? {}).flatMap(([name, value]) =>
    name.startsWith(`${objective}.`) && !plotted.has(name) ? [[name.slice(objective.length + 1), value]] : [],
  );
}
