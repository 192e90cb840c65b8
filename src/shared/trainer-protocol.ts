import * as z from 'zod/mini';
import { Advice, ComparedMember, ComparisonReport, DataShape, Task } from './comparison-types';
import { CudaSetUp, Diagnosis } from './machine';
import { ProbeResult } from './probe-types';
import {
  Attention,
  Baseline,
  CheckpointSummary,
  Device,
  ExportFormat,
  Geometry,
  Metrics,
  Neighbour,
  ObjectiveSummary,
  Prediction,
  Problem,
  Projection,
  RunSummary,
  Similarity,
  Span,
  TextMap,
  Token,
  TrainingBatch,
  Unit,
  WordSurprisal,
} from './types';

/**
 * The environment variable that names the file descriptor on which the trainer shows that it is at work: a byte twice a second while it trains.
 */
export const PULSE_CHANNEL = 'OBJECTIVE_LAB_PULSE';

/** A run folder (its newest valid checkpoint is used), one checkpoint, or a Hugging Face model folder; an absolute path. */
const Model = z.string();

/** The first `limit` units of a text, for a model. */
const Units = z.object({ model: Model, text: z.string(), unit: Unit, limit: z.int().check(z.positive(), z.maximum(2000)) });

/** Whether the training goes on to its end when the host goes away; otherwise it stops then, with a checkpoint. */
const Outlive = z.optional(z.boolean());

/** What a form fills in of a new comparison: variants by their objectives' types, and probes as the file has them. */
export const NewComparison = z.object({
  variants: z.array(z.object({ name: z.string(), objectives: z.array(z.string()).check(z.minLength(1)) })).check(z.minLength(1)),
  budget: z.object({ unit: z.enum(['flops', 'tokens', 'seconds']), amount: z.number().check(z.positive()) }),
  seeds: z.int().check(z.positive()),
  probes: z.array(z.record(z.string(), z.unknown())).check(z.minLength(1)),
});
export type NewComparison = z.infer<typeof NewComparison>;

/** `options` is what stands in a comparison's `probes`. */
export const SuggestedProbe = z.object({ name: z.string(), detail: z.string(), options: z.record(z.string(), z.unknown()) });
export type SuggestedProbe = z.infer<typeof SuggestedProbe>;

const Done = z.object({
  run: z.string(),
  steps: z.int(),
  reason: z.enum(['completed', 'stopped']),
  loss: z.record(z.string(), z.number()),
  eval: z.record(z.string(), z.number()),
  baselines: z.array(Baseline),
  /** What the experiment's downstream tasks measured at the end. */
  probes: z.optional(z.array(ProbeResult)),
});
export type Done = z.infer<typeof Done>;

/** What the trainer process answers. Training and inspection are two processes with this same protocol. */
export const trainer = {
  requests: {
    /**
     * Runs an experiment to its end. Cancelling stops after the step in hand and writes a checkpoint; the request then still replies with reason
     * `stopped` on the trainer's side, while the caller's promise rejects with code `cancelled`: use `stop` to wait for the end.
     */
    train: {
      params: z.object({
        experiment: z.string(),
        runs: z.optional(z.string()),
        device: z.optional(Device),
        steps: z.optional(z.int().check(z.positive())),
        outlive: Outlive,
      }),
      result: Done,
    },
    /** Goes on with a run that has not ended; otherwise like `train`. */
    resume: { params: z.object({ run: z.string(), device: z.optional(Device), outlive: Outlive }), result: Done },
    /** Stops the training in hand; replies when its checkpoint is written. */
    stop: { params: z.object({}), result: z.object({}) },
    /** What this machine has for training. `folder` is where runs would be kept. */
    examineMachine: { params: z.object({ folder: z.string() }), result: Diagnosis },
    /** Puts the CUDA provider beside the runtime and tries it, from a folder or package, or downloaded when there is none; cancelling leaves all as it was. */
    setUpCuda: { params: z.object({ from: z.optional(z.string()) }), result: CudaSetUp },
    /** Problems of an experiment's text, with positions in it. `path` resolves relative names. */
    check: { params: z.object({ text: z.string(), path: z.string() }), result: z.array(Problem) },
    /** Every objective there is. */
    objectives: { params: z.object({}), result: z.array(ObjectiveSummary) },
    /** The text of a new experiment with objectives of these types, and with comments that explain it. */
    template: {
      params: z.object({ name: z.string(), objectives: z.array(z.string()).check(z.minLength(1)) }),
      result: z.object({ text: z.string() }),
    },
    /**
     * Runs a comparison: a `*.compare.json`, or the folder of one that has begun. Only one training or comparison goes on at a time; `stop` and cancelling
     * stop every member with a checkpoint. The report says which members are done.
     */
    compare: { params: z.object({ comparison: z.string(), resume: z.boolean(), outlive: Outlive }), result: ComparisonReport },
    /** Problems of a comparison's text, its variants' included, with positions in it. `path` resolves relative names. */
    checkComparison: { params: z.object({ text: z.string(), path: z.string() }), result: z.array(Problem) },
    /** What a comparison's file stands for: the folder of its comparison, whether that has begun, and what has changed in the file since. */
    comparisonOf: {
      params: z.object({ path: z.string() }),
      result: z.object({ name: z.string(), folder: z.string(), begun: z.boolean(), changes: z.array(z.string()) }),
    },
    /** The text of a new comparison of variants of an experiment, an absolute path of a file in the comparison's own folder. */
    comparisonTemplate: { params: z.extend(NewComparison, { experiment: z.string() }), result: z.object({ text: z.string() }) },
    /** Probes that table files, by their columns' names, are good for, with their paths relative to `folder`. Files that cannot be read give none. */
    suggestProbes: {
      params: z.object({ experiment: z.string(), folder: z.string(), files: z.array(z.string()) }),
      result: z.array(SuggestedProbe),
    },
    /** Objectives for a task, with what the comparisons beside the experiments of these folders measured. */
    advise: { params: z.object({ task: Task, data: DataShape, folders: z.array(z.string()) }), result: z.array(Advice) },
    /** The comparisons that have begun beside the experiments of a folder, by name. */
    comparisons: {
      params: z.object({ folder: z.string() }),
      result: z.array(z.object({ name: z.string(), folder: z.string(), createdAt: z.string(), members: z.array(ComparedMember) })),
    },
    /** What a comparison found so far, from the folder of one. */
    comparison: { params: z.object({ folder: z.string() }), result: ComparisonReport },
    /** The runs of a folder, newest first. */
    runs: { params: z.object({ runs: z.string() }), result: z.array(RunSummary) },
    /** Asks the process that trains a run to stop, whosever it is. `asked` is false when there is none on this machine. */
    stopRun: { params: z.object({ run: z.string() }), result: z.object({ asked: z.boolean() }) },
    /** The metrics of a run, thinned to at most `limit` lines, from step `after` on. */
    metrics: { params: z.object({ run: z.string(), after: z.int(), limit: z.int().check(z.positive()) }), result: z.array(Metrics) },
    /** Writes a model for other programs into a folder that does not exist yet, or is empty. */
    export: {
      params: z.object({ model: Model, folder: z.string(), format: ExportFormat }),
      result: z.object({ folder: z.string(), files: z.array(z.string()), architecture: z.string() }),
    },
    tokenize: {
      params: z.object({ model: Model, text: z.string() }),
      result: z.object({ tokens: z.array(Token), step: z.optional(z.int()), checkpoint: z.string() }),
    },
    /**
     * Hides the tokens that stand in these spans of a text, all at once, and predicts each span from the rest, in windows of the model's length. A mask
     * token that is written in the text may be one of them; it has no truth.
     */
    predict: {
      params: z.object({
        model: Model,
        text: z.string(),
        spans: z.array(Span).check(z.maxLength(512)),
        top: z.int().check(z.positive(), z.maximum(100)),
      }),
      result: z.array(Prediction),
    },
    /**
     * The surprisal of the words of a text, each from what stands around it. `quick` hides several words at a time, far from each other, as training does:
     * an estimate at a fraction of the work. With `at`, an offset in the text where somebody writes, only the words there are scored, and others left out unless
     * they are known. Cancelling ends it between two batches.
     */
    surprisal: {
      params: z.object({ model: Model, text: z.string(), quick: z.boolean(), at: z.optional(z.int().check(z.nonnegative())) }),
      result: z.array(WordSurprisal),
    },
    /** What the tokens of one layer look at, in the window of the model's length around the token `index`, with tokens in `hidden` hidden. */
    attention: {
      params: z.object({
        model: Model,
        text: z.string(),
        index: z.int().check(z.nonnegative()),
        layer: z.int().check(z.nonnegative()),
        hidden: z.array(Span).check(z.maxLength(512)),
      }),
      result: Attention,
    },
    /**
     * The tokens that masked language modelling would hide in this text, as the run's own experiment masks; `draw` numbers the draws, so that the
     * same number gives the same mask.
     */
    mask: { params: z.object({ model: Model, text: z.string(), draw: z.int().check(z.nonnegative()) }), result: z.array(z.int()) },
    /** Embeds the first `limit` units of the text by mean pooling. */
    similarity: { params: Units, result: Similarity },
    geometry: { params: Units, result: Geometry },
    /** A map of the same units; the same text and model always give the same map. */
    map: { params: z.extend(Units, { projection: Projection }), result: TextMap },
    /**
     * The sentences of a folder's text files that are most like a text, itself left out. What is not embedded yet is embedded for about `budget`
     * milliseconds: `indexed` of `total` sentences were looked at, and asking again goes on.
     */
    neighbours: {
      params: z.object({
        model: Model,
        root: z.string(),
        text: z.string(),
        top: z.int().check(z.positive(), z.maximum(100)),
        budget: z.int().check(z.nonnegative()),
      }),
      result: z.object({ neighbours: z.array(Neighbour), indexed: z.int(), total: z.int() }),
    },
    /** The finished checkpoints of a run, oldest first. */
    checkpoints: { params: z.object({ run: z.string() }), result: z.array(CheckpointSummary) },
    /** What a run trains on in a step (from 0; the step after the checkpoint when absent), for one of its objectives (its first when absent). */
    batch: {
      params: z.object({ model: Model, step: z.optional(z.int().check(z.nonnegative())), objective: z.optional(z.string()) }),
      result: TrainingBatch,
    },
  },
  events: {
    /** What the trainer is doing before the first step: one line for people. */
    status: z.object({ message: z.string() }),
    /** The run's folder exists from here on. `from` is the step that a resumed run goes on from; `device` says which provider, and why that one. */
    started: z.object({
      run: z.string(),
      steps: z.int(),
      from: z.int(),
      device: z.string(),
      parameters: z.int(),
      baselines: z.array(Baseline),
    }),
    metrics: Metrics,
    checkpoint: z.object({ run: z.string(), step: z.int() }),
    /** The plan of a comparison is made. */
    compared: z.object({ folder: z.string(), members: z.int() }),
    /** What has become of a member of the comparison in hand. */
    member: ComparedMember,
    /** Something that a person should know and the run goes on with. */
    warning: z.object({ message: z.string() }),
    log: z.object({ level: z.enum(['info', 'warning', 'error']), message: z.string() }),
  },
} as const;

/** The host answers nothing and emits nothing: the trainer is driven by requests alone. */
export const host = { requests: {}, events: {} } as const;
