import type { Metrics } from '../../src/shared/types';

/** One objective's curves over the same steps, as the chart takes them; `null` where a series has no point. */
export interface Curves {
  readonly objective: string;
  readonly steps: readonly number[];
  /** Training loss of each step in nats, and the same smoothed. */
  readonly raw: readonly (number | null)[];
  readonly smooth: readonly (number | null)[];
  readonly heldOut: readonly (number | null)[];
}

/** More points than a chart has pixels only cost time. */
const MOST_POINTS = 1500;

/** The metrics of a run, one entry a step however training and evaluation lines come. */
export class History {
  readonly #steps = new Map<number, { loss?: Metrics['loss']; eval?: Metrics['eval'] }>();
  #last: Metrics | undefined;
  #evaluation: Metrics['eval'];

  add(lines: readonly Metrics[]): void {
    for (const line of lines) {
      const entry = this.#steps.get(line.step) ?? {};
      this.#steps.set(line.step, { ...entry, ...(line.loss && { loss: line.loss }), ...(line.eval && { eval: line.eval }) });
      if (line.loss) this.#last = line;
      if (line.eval) this.#evaluation = line.eval;
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

  /** The objectives that losses were reported for, in their own order. */
  get objectives(): string[] {
    const losses = this.#last?.loss ?? {};
    return Object.keys(losses).filter((name) => name !== 'total');
  }

  /** @param steps of the whole run: smoothing reaches over a hundredth of them, so that the curve keeps its shape while the run goes on */
  curves(objective: string, steps: number): Curves {
    const entries = [...this.#steps].sort(([a], [b]) => a - b);
    const losses = entries.map(([, entry]) => entry.loss?.[objective] ?? null);
    const averages = smooth(losses, Math.max(3, steps / 100));
    const stride = Math.ceil(entries.length / MOST_POINTS);
    const kept = entries.map((_, i) => i).filter((i) => i % stride === 0 || i === entries.length - 1 || entries[i]![1].eval !== undefined);
    return {
      objective,
      steps: kept.map((i) => entries[i]![0]),
      raw: kept.map((i) => losses[i]!),
      smooth: kept.map((i) => averages[i]!),
      heldOut: kept.map((i) => entries[i]![1].eval?.[objective] ?? null),
    };
  }
}

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

/** What the objectives and metrics are called on the page. */
export function titleOf(objective: string): string {
  return { mlm: 'Masked language modelling', contrastive: 'Contrastive learning' }[objective] ?? objective;
}

/** Metrics beside the losses, `objective.metric`, as rows of a table. */
export function furtherMetrics(evaluation: Metrics['eval'], objective: string): [name: string, value: number][] {
  return Object.entries(evaluation ?? {}).flatMap(([name, value]) =>
    name.startsWith(`${objective}.`) ? [[name.slice(objective.length + 1), value]] : [],
  );
}
