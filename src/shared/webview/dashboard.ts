import * as z from 'zod/mini';
import { Metrics, ObjectiveSummary, RunSummary } from '../types';
import { Action, Empty, Notice, Short } from './view';

/** What the dashboard may ask of the host, and what it is told. */
export const dashboardHost = {
  requests: {
    stopRun: { params: z.object({ run: Short }), result: Empty },
    resumeRun: { params: z.object({ run: Short }), result: Empty },
    inspectRun: { params: z.object({ run: Short }), result: Empty },
    act: { params: z.object({ action: Action }), result: Empty },
  },
  events: {
    /** Every objective there is, to call them and their metrics by their names. */
    objectives: z.array(ObjectiveSummary),
    /** The run shown. `status` is what a run in preparation is doing; `device` is known for the run in progress only. */
    run: z.object({ run: RunSummary, status: z.optional(z.string()), device: z.optional(z.string()), parameters: z.optional(z.int()) }),
    /** All metrics so far (`reset`), or the news since. */
    metrics: z.object({ run: z.string(), reset: z.boolean(), lines: z.array(Metrics) }),
    notice: Notice,
  },
} as const;
