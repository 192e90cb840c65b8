import { z } from 'zod';
import { Metrics, Prediction, RunSummary, Similarity, Span, Token, Unit } from './types';

/** The document that the inspector shows. `version` lets late answers be dropped. */
const ActiveDocument = z.object({ uri: z.string(), name: z.string(), version: z.int(), truncated: z.boolean() });

/** What a webview may ask of the host. */
export const host = {
  requests: {
    /** The first message of a view; the host answers with everything it should show by events. */
    ready: { params: z.object({}), result: z.object({}) },
    predict: { params: z.object({ version: z.int(), hidden: z.array(z.int()) }), result: z.array(Prediction) },
    similarity: { params: z.object({ version: z.int(), unit: Unit }), result: Similarity },
    reveal: { params: z.object({ uri: z.string(), spans: z.array(Span).max(2) }), result: z.object({}) },
    selectRun: { params: z.object({ run: z.string() }), result: z.object({}) },
    startRun: { params: z.object({}), result: z.object({}) },
    stopRun: { params: z.object({ run: z.string() }), result: z.object({}) },
  },
  events: {
    /** The runs to choose from and the one in use. */
    runs: z.object({ runs: z.array(RunSummary), selected: z.string().optional() }),
    /** A new document, a new version of it, or a newer checkpoint; `tokens` is absent when no model can read it, `message` then says why. */
    document: z.object({
      document: ActiveDocument.optional(),
      tokens: z.array(Token).optional(),
      step: z.int().optional(),
      message: z.string().optional(),
    }),
    /** All metrics so far (`reset`), or the news since. */
    metrics: z.object({ run: z.string(), reset: z.boolean(), lines: z.array(Metrics) }),
    progress: z.object({ run: z.string(), message: z.string() }),
  },
} as const;

/** A webview answers nothing: the host pushes events. */
export const webview = { requests: {}, events: {} } as const;
