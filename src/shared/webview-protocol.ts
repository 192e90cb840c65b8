import { z } from 'zod';
import { Metrics, ObjectiveSummary, Prediction, RunSummary, Similarity, Span, Token, Unit } from './types';

/** What a notice's button does. */
const Action = z.enum(['openFolder', 'newExperiment', 'startRun', 'trust', 'retry', 'showLog', 'openFile']);
export type Action = z.infer<typeof Action>;

/** Stands in for the content of a view that has nothing to show: what is missing, why, and the way on. */
const Notice = z.object({
  title: z.string(),
  detail: z.string().optional(),
  action: z.object({ id: Action, label: z.string() }).optional(),
});
export type Notice = z.infer<typeof Notice>;

/** The part of a document whose tokens are shown. Lines count from 1; `text` begins at offset `start` of the document. */
const Part = z.object({ start: z.int(), text: z.string(), firstLine: z.int(), lastLine: z.int(), lineCount: z.int() });
export type Part = z.infer<typeof Part>;

/**
 * A document as one checkpoint reads it. `version` names this reading (text, part and checkpoint), so that late answers can be dropped. The spans
 * of the tokens are offsets in the document; their order is that of `tokenize`, so an index here is an index there.
 */
const Reading = z.object({
  version: z.int(),
  uri: z.string(),
  name: z.string(),
  /** Names the model on the command line, from the workspace folder. */
  model: z.string(),
  /** Names the document on the command line likewise; absent while it is in no file. */
  file: z.string().optional(),
  step: z.int().optional(),
  part: Part,
  tokens: z.array(Token),
});
export type Reading = z.infer<typeof Reading>;

const Empty = z.object({});
/** A path or an address. A view is a page that shows other people's text: what comes from it has bounds. */
const Short = z.string().max(8192);

/** What the inspector may ask of the host, and what it is told. */
export const inspectorHost = {
  requests: {
    /** The first message of a view; the host then sends everything it should show. */
    ready: { params: Empty, result: Empty },
    /** Hides these tokens of a reading. Fails with code `stale` when the reading is no longer the newest. */
    predict: { params: z.object({ version: z.int(), hidden: z.array(z.int().nonnegative()).max(512) }), result: z.array(Prediction) },
    /** The tokens of a reading that the run's training would hide, another choice for every `draw`. Fails with `stale` like `predict`. */
    mask: { params: z.object({ version: z.int(), draw: z.int().nonnegative() }), result: z.array(z.int()) },
    /** Compares the first `limit` units of the document, with offsets in the document. Fails with `stale` like `predict`. */
    similarity: { params: z.object({ version: z.int(), unit: Unit, limit: z.int().positive().max(2000) }), result: Similarity },
    /** Shows up to two places of a document in its editor and marks them. */
    reveal: { params: z.object({ uri: Short, spans: z.array(Span).max(2) }), result: Empty },
    selectRun: { params: z.object({ run: Short }), result: Empty },
    /** Puts a text on the clipboard. */
    copy: { params: z.object({ text: z.string().max(1_000_000) }), result: Empty },
    act: { params: z.object({ action: Action }), result: Empty },
  },
  events: {
    /** The runs to choose from and the one in use. */
    runs: z.object({ runs: z.array(RunSummary), selected: z.string().optional() }),
    /** A new document, a new version of it, another part of it, or a newer checkpoint. */
    reading: Reading,
    /** In place of a reading. */
    notice: Notice,
  },
} as const;

/** What the dashboard may ask of the host, and what it is told. */
export const dashboardHost = {
  requests: {
    ready: { params: Empty, result: Empty },
    stopRun: { params: z.object({ run: Short }), result: Empty },
    resumeRun: { params: z.object({ run: Short }), result: Empty },
    inspectRun: { params: z.object({ run: Short }), result: Empty },
    act: { params: z.object({ action: Action }), result: Empty },
  },
  events: {
    /** Every objective there is, to call them and their metrics by their names. */
    objectives: z.array(ObjectiveSummary),
    /** The run shown. `status` is what a run in preparation is doing; `device` is known for the run in progress only. */
    run: z.object({ run: RunSummary, status: z.string().optional(), device: z.string().optional(), parameters: z.int().optional() }),
    /** All metrics so far (`reset`), or the news since. */
    metrics: z.object({ run: z.string(), reset: z.boolean(), lines: z.array(Metrics) }),
    notice: Notice,
  },
} as const;

/** A webview answers nothing: the host pushes events. */
export const webview = { requests: {}, events: {} } as const;
