import * as z from 'zod/mini';
import { ComparisonReport } from '../comparison-types';
import { Action, Empty, Notice, Short } from './view';

/** What the view of a comparison may ask of the host, and what it is told. */
export const comparisonHost = {
  requests: {
    stop: { params: Empty, result: Empty },
    resume: { params: Empty, result: Empty },
    /** Opens `report.md`. */
    openReport: { params: Empty, result: Empty },
    /** Opens the training chart of a member's run, by the run's folder as the report has it. */
    openRun: { params: z.object({ run: Short }), result: Empty },
    /** Puts a text on the clipboard. */
    copy: { params: z.object({ text: z.string().check(z.maxLength(1_000_000)) }), result: Empty },
    act: { params: z.object({ action: Action }), result: Empty },
  },
  events: {
    /** All that is known. `live` while this window runs it; `path` is its folder as a command names it. */
    report: z.object({
      folder: z.string(),
      path: z.string(),
      report: ComparisonReport,
      live: z.optional(z.object({ status: z.string(), stopping: z.boolean() })),
      written: z.boolean(),
    }),
    notice: Notice,
  },
} as const;
