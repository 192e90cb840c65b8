import type { Baseline } from './types';

/** A held-out metric beside the baseline that it must beat. */
export interface Comparison extends Baseline {
  readonly objective: string;
  /** The metric's name within the objective; `loss` for the objective's own. */
  readonly name: string;
  readonly reached: number;
  /** By how much the model is better than the baseline; negative if it is worse. */
  readonly margin: number;
}

/** The metrics of an evaluation that have a baseline; those that were not measured are left out. */
export function compare(baselines: readonly Baseline[], evaluation: Readonly<Record<string, number>> = {}): Comparison[] {
  return baselines.flatMap((baseline) => {
    const reached = evaluation[baseline.metric];
    if (reached === undefined) return [];
    const [objective = '', name = 'loss'] = baseline.metric.split('.');
    const margin = baseline.better === 'lower' ? baseline.value - reached : reached - baseline.value;
    return [{ ...baseline, objective, name, reached, margin }];
  });
}
