import * as z from 'zod';
import { Advice, ComparisonReport, DataShape, Task } from './comparison-types';
import { Diagnosis } from './machine';
import {
  Attention,
  CheckpointSummary,
  Geometry,
  Metrics,
  Neighbour,
  ObjectiveSummary,
  Prediction,
  Projection,
  RunSummary,
  Similarity,
  Span,
  TextMap,
  TextUnit,
  Token,
  TrainingBatch,
  Unit,
} from './types';

/** What a notice's button does. */
const Action = z.enum(['openFolder', 'newExperiment', 'startRun', 'trust', 'retry', 'showLog', 'openFile', 'compare']);
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
  /** Names the whole text and the checkpoint: the same whichever part of the text is shown. */
  content: z.int(),
  /** Names the model on the command line, from the workspace folder. */
  model: z.string(),
  /** Names the document on the command line likewise; absent while it is in no file. */
  file: z.string().optional(),
  step: z.int().optional(),
  part: Part,
  tokens: z.array(Token),
});
export type Reading = z.infer<typeof Reading>;

/** A model may read the file alone, or beside another one. */
const Side = z.enum(['first', 'second']);
export type Side = z.infer<typeof Side>;

/**
 * What reads the file on one side: a run (its folder), or a model folder from elsewhere, which has no checkpoints. `checkpoint` is the folder of the one
 * that was chosen; absent: the newest is followed.
 */
const ModelChoice = z.object({
  model: z.string(),
  name: z.string(),
  checkpoints: z.array(CheckpointSummary),
  checkpoint: z.string().optional(),
});
export type ModelChoice = z.infer<typeof ModelChoice>;

const Models = z.object({ runs: z.array(RunSummary), first: ModelChoice.optional(), second: ModelChoice.optional() });
export type Models = z.infer<typeof Models>;

/** How surprising a word is, in nats, before and after another was replaced. */
const SurprisalChange = Span.extend({ before: z.number(), after: z.number() });
export type SurprisalChange = z.infer<typeof SurprisalChange>;

/** What another word in a place changes: the predictions of that place and of the others that are hidden, and the surprisal of the words around. */
const Replaced = z.object({ predictions: z.array(Prediction), changes: z.array(SurprisalChange) });
export type Replaced = z.infer<typeof Replaced>;

const Empty = z.object({});
/** A path or an address. A view is a page that shows other people's text: what comes from it has bounds. */
const Short = z.string().max(8192);

/** The first `limit` units of a document; what is told of them has offsets in the document. */
const Units = z.object({ content: z.int(), unit: Unit, limit: z.int().positive().max(2000) });

/** `file` is its path from the workspace folder, for people. */
const NeighbourInFile = Neighbour.omit({ path: true }).extend({ uri: z.string(), file: z.string() });
export type NeighbourInFile = z.infer<typeof NeighbourInFile>;

/** What the inspector may ask of the host, and what it is told. */
export const inspectorHost = {
  requests: {
    /** Hides what stands in these spans of a reading. Fails with code `stale` when the reading is no longer the newest. */
    predict: { params: z.object({ version: z.int(), side: Side, spans: z.array(Span).max(512) }), result: z.array(Prediction) },
    /** Puts another text in place of a span, while other spans stay hidden. Fails with `stale` like `predict`. */
    replace: {
      params: z.object({ version: z.int(), side: Side, span: Span, text: z.string().min(1).max(200), hidden: z.array(Span).max(512) }),
      result: Replaced,
    },
    /** Fails with `stale` like `predict`. */
    attention: {
      params: z.object({
        version: z.int(),
        index: z.int().nonnegative(),
        layer: z.int().nonnegative(),
        hidden: z.array(Span).max(512),
      }),
      result: Attention,
    },
    /** What the first model's run trains on in a step. */
    batch: {
      params: z.object({ step: z.int().nonnegative().optional(), objective: z.string().max(100).optional() }),
      result: TrainingBatch,
    },
    /** The tokens of a reading that the run's training would hide, another choice for every `draw`. Fails with `stale` like `predict`. */
    mask: { params: z.object({ version: z.int(), draw: z.int().nonnegative() }), result: z.array(z.int()) },
    /** Compares units of the document. Fails with `stale`, as all that follow do, when `content` is no longer the newest reading's. */
    similarity: { params: Units.extend({ side: Side }), result: Similarity },
    map: { params: Units.extend({ projection: Projection }), result: TextMap },
    geometry: { params: Units, result: Geometry },
    /** The unit at an offset of the document, otherwise the next one; none in an empty text. */
    unitAt: {
      params: z.object({ content: z.int(), unit: Unit, offset: z.int().nonnegative() }),
      result: z.object({ unit: TextUnit.optional() }),
    },
    /** The sentences of the workspace folder that are most like a text, as far as they are read; asking again reads on. */
    neighbours: {
      params: z.object({ content: z.int(), text: z.string().max(1_000_000) }),
      result: z.object({ neighbours: z.array(NeighbourInFile), indexed: z.int(), total: z.int() }),
    },
    /** Shows up to two places of a document in its editor and marks them. */
    reveal: { params: z.object({ uri: Short, spans: z.array(Span).max(2) }), result: Empty },
    /** `model` is a run or a model folder; absent: nothing is compared. */
    chooseModel: { params: z.object({ side: Side, model: Short.optional(), checkpoint: Short.optional() }), result: Empty },
    /** Lets the person choose a model folder for the second side. */
    browseModel: { params: Empty, result: Empty },
    /** Puts a text on the clipboard. */
    copy: { params: z.object({ text: z.string().max(1_000_000) }), result: Empty },
    act: { params: z.object({ action: Action }), result: Empty },
  },
  events: {
    /** The runs to choose from, and what reads the file. */
    models: Models,
    /** A new document, a new version of it, another part of it, or a newer checkpoint. */
    reading: Reading,
    /** Where the editor's cursor stands in the document of the reading. */
    cursor: z.object({ offset: z.int().nonnegative() }),
    /** In place of a reading. */
    notice: Notice,
  },
} as const;

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
    run: z.object({ run: RunSummary, status: z.string().optional(), device: z.string().optional(), parameters: z.int().optional() }),
    /** All metrics so far (`reset`), or the news since. */
    metrics: z.object({ run: z.string(), reset: z.boolean(), lines: z.array(Metrics) }),
    notice: Notice,
  },
} as const;

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
    copy: { params: z.object({ text: z.string().max(1_000_000) }), result: Empty },
    act: { params: z.object({ action: Action }), result: Empty },
  },
  events: {
    /** All that is known. `live` while this window runs it; `path` is its folder as a command names it. */
    report: z.object({
      folder: z.string(),
      path: z.string(),
      report: ComparisonReport,
      live: z.object({ status: z.string(), stopping: z.boolean() }).optional(),
      written: z.boolean(),
    }),
    notice: Notice,
  },
} as const;

/** What the advisor may ask of the host. */
export const advisorHost = {
  requests: {
    /** The objectives that may suit a task, the most promising first. */
    advise: { params: z.object({ task: Task, data: DataShape }), result: z.array(Advice) },
    /** Writes an experiment with these objectives. */
    newExperiment: { params: z.object({ objectives: z.array(Short).min(1).max(20) }), result: Empty },
    compare: { params: Empty, result: Empty },
  },
  events: {},
} as const;

/** What the view of this machine may ask of the host. */
export const machineHost = {
  requests: {
    /** `lost` is where CUDA was set up from, when its provider is gone since. */
    examine: { params: Empty, result: z.object({ diagnosis: Diagnosis, lost: z.string().optional() }) },
    /** Puts a text on the clipboard. */
    copy: { params: z.object({ text: z.string().max(100_000) }), result: Empty },
    /** Types the command that mends what is missing, by its place in the last diagnosis, into a terminal; the person runs it, or not. */
    typeCommand: { params: z.object({ missing: z.int().nonnegative() }), result: Empty },
    setUpCuda: { params: Empty, result: Empty },
  },
  events: {
    /** The view, which is open already, is to check anew. */
    check: Empty,
  },
} as const;

/** A webview answers nothing: the host pushes events. `ready` is its first message; the host then sends everything it should show. */
export const webview = { requests: {}, events: { ready: Empty } } as const;
