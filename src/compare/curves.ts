import { join } from 'node:path';
import type { Curve } from '../shared/comparison-types';
import type { ProbeRecord } from '../shared/probe-types';
import type { Metrics } from '../shared/types';
import { readMetrics, readProbes } from '../train/run';
import type { ComparisonPlan } from './plan';
import type { Records } from './analysis';

/** What one run measured on its way, by step. */
export interface Course {
  readonly evaluations: readonly Metrics[];
  readonly probes: readonly ProbeRecord[];
}

/**
 * Learning curves of the variants: means over the runs that have a value at a step. Only steps that all of a variant's runs have reached are kept, so that
 * no point is of fewer seeds than its neighbours.
 */
export function curvesOf(plan: ComparisonPlan, records: Records, folder: string): Curve[] {
  return plan.variants.map(({ name, steps, flops }) => {
    const courses = plan.members.flatMap((member, i) => {
      const { run, state } = records[i]!;
      return member.variant === name && run !== undefined && state === 'done' ? [courseOf(join(folder, run))] : [];
    });
    return { variant: name, points: meanCourse(courses, flops / steps) };
  });
}

export const courseOf = (run: string): Course => ({
  evaluations: readMetrics(run, -1, Number.MAX_SAFE_INTEGER).filter((line) => line.eval !== undefined),
  probes: readProbes(run),
});

/** @param flops of a step, on average */
export function meanCourse(courses: readonly Course[], flops: number): Curve['points'] {
  const points = new Map<number, { tokens: number; values: Map<string, number[]> }>();
  for (const { evaluations, probes } of courses) {
    for (const { step, tokens, eval: measured = {} } of evaluations) enter(step, tokens, measured);
    for (const { step, probes: results } of probes)
      enter(step, undefined, Object.fromEntries(results.map(({ name, main, metrics }) => [name, metrics[main]!.value])));
  }
  function enter(step: number, tokens: number | undefined, measured: Readonly<Record<string, number>>): void {
    const point = points.get(step) ?? { tokens: 0, values: new Map<string, number[]>() };
    points.set(step, point);
    if (tokens !== undefined) point.tokens = tokens;
    for (const [name, value] of Object.entries(measured)) point.values.set(name, [...(point.values.get(name) ?? []), value]);
  }
  return [...points]
    .sort(([a], [b]) => a - b)
    .flatMap(([step, { tokens, values }]) => {
      const complete = [...values].filter(([, list]) => list.length === courses.length);
      if (complete.length === 0) return [];
      const means = complete.map(([name, list]) => [name, list.reduce((a, b) => a + b, 0) / list.length]);
      return [{ step, tokens, flops: step * flops, values: Object.fromEntries(means) as Record<string, number> }];
    });
}
