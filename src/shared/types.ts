import * as z from 'zod/mini';

/** Where something stands in a text, in UTF-16 code units, end exclusive: the editor's own unit. */
export const Span = z.object({ start: z.int().check(z.nonnegative()), end: z.int().check(z.nonnegative()) });
export type Span = z.infer<typeof Span>;

export const Device = z.enum(['auto', 'cpu', 'cuda', 'webgpu']);
export type Device = z.infer<typeof Device>;

/** In what matrix products are computed. */
export const Precision = z.enum(['fp32', 'tf32', 'bf16']);
export type Precision = z.infer<typeof Precision>;

/** A token of a text. `text` is what it covers in the source; special tokens cover nothing (start = end). */
export const Token = z.extend(Span, { id: z.int(), token: z.string(), special: z.boolean() });
export type Token = z.infer<typeof Token>;

export const Candidate = z.object({ token: z.string(), id: z.int(), probability: z.number() });
export type Candidate = z.infer<typeof Candidate>;

/**
 * What the model puts in one hidden place, as if a single token stood there. `truth` is what stands there in the source: its probability is that of
 * all its pieces together, by the chain rule; `rank` (from 1) counts the single tokens that are likelier.
 */
export const Prediction = z.extend(Span, {
  candidates: z.array(Candidate),
  truth: z.optional(
    z.object({ text: z.string(), pieces: z.int().check(z.positive()), probability: z.number(), rank: z.int().check(z.positive()) }),
  ),
});
export type Prediction = z.infer<typeof Prediction>;

/** How unexpected a word is where it stands: −log p in nats with the whole word hidden, summed over its `pieces` tokens. */
export const WordSurprisal = z.extend(Span, { surprisal: z.number(), pieces: z.int().check(z.positive()) });
export type WordSurprisal = z.infer<typeof WordSurprisal>;

export const Unit = z.enum(['sentence', 'line', 'paragraph']);
export type Unit = z.infer<typeof Unit>;

export const TextUnit = z.extend(Span, { text: z.string() });
export type TextUnit = z.infer<typeof TextUnit>;

/** Numbers that are many: they cross borders as they are. */
const Floats = z.custom<Float32Array>((value) => value instanceof Float32Array);

/** Cosine similarity of every pair of units; row-major, in −1…1. */
export const Similarity = z.object({ units: z.array(TextUnit), matrix: Floats });
export type Similarity = z.infer<typeof Similarity>;

/**
 * How the embeddings of a text's units lie on the sphere (Wang & Isola, 2020, arXiv 2005.10242): `alignment`, the mean squared distance of two views of
 * one unit under dropout (absent for a model without), and `uniformity`, log E exp(−2‖x − y‖²) over distinct units. Both are better when lower.
 */
export const Geometry = z.object({ alignment: z.optional(z.number()), uniformity: z.number() });
export type Geometry = z.infer<typeof Geometry>;

export const Projection = z.enum(['umap', 'pca']);
export type Projection = z.infer<typeof Projection>;

/** A 2-D map of a text's units: `points` is [units][2]. `explained` is the share of the variance on each axis, for PCA. */
export const TextMap = z.object({ units: z.array(TextUnit), points: Floats, explained: z.optional(z.array(z.number())) });
export type TextMap = z.infer<typeof TextMap>;

/** A sentence of another file (an absolute path), or of the same, that the model finds alike. */
export const Neighbour = z.extend(TextUnit, { path: z.string(), similarity: z.number() });
export type Neighbour = z.infer<typeof Neighbour>;

/** `weights` [heads][to − from][to − from] of one layer over tokens `from` to `to` (end exclusive) of a text, without what goes to [CLS] and [SEP]. */
export const Attention = z.object({ from: z.int(), to: z.int(), layers: z.int(), heads: z.int(), weights: Floats });
export type Attention = z.infer<typeof Attention>;

/** A checkpoint of a run; `folder` is an absolute path, and names a model. */
export const CheckpointSummary = z.object({ step: z.int(), folder: z.string(), eval: z.optional(z.record(z.string(), z.number())) });
export type CheckpointSummary = z.infer<typeof CheckpointSummary>;

/**
 * A token of a training example. `mark` says what training did to it: hid it as [MASK], put a random token or one of the generator's there, left it but
 * asks for it, or only asks for it (a target). `truth` is what stood there, if another; `loss` in nats is what the model pays here, `probability` what it
 * gives to the right answer.
 */
export const BatchToken = z.object({
  token: z.string(),
  mark: z.optional(z.enum(['masked', 'random', 'replaced', 'kept', 'sentinel', 'target'])),
  truth: z.optional(z.string()),
  loss: z.optional(z.number()),
  probability: z.optional(z.number()),
});
export type BatchToken = z.infer<typeof BatchToken>;

/** A text of a training example, by what it is to the objective; `similarity` is that to the example's first text. */
export const BatchText = z.object({ role: z.string(), tokens: z.array(BatchToken), similarity: z.optional(z.number()) });
export type BatchText = z.infer<typeof BatchText>;

/**
 * One example: its texts, the right and the model's answer where it is a question, and the loss in nats. Of all its `negatives` the texts hold those most
 * like the first text; `score` says how alike a scored pair should be.
 */
export const BatchExample = z.object({
  texts: z.array(BatchText),
  negatives: z.optional(z.int()),
  score: z.optional(z.number()),
  answer: z.optional(z.object({ right: z.string(), given: z.string(), probability: z.number() })),
  loss: z.optional(z.number()),
});
export type BatchExample = z.infer<typeof BatchExample>;

/** What one objective trains on in one step, exactly as the step sees it, with what the checkpoint `model` makes of it. `loss` is the step's, in nats. */
export const TrainingBatch = z.object({
  objective: z.string(),
  title: z.string(),
  step: z.int(),
  model: z.int(),
  loss: z.number(),
  /** Examples of the batch; the first ones are given. */
  size: z.int(),
  examples: z.array(BatchExample),
  /** Objectives of the run. */
  objectives: z.array(z.string()),
});
export type TrainingBatch = z.infer<typeof TrainingBatch>;

/**
 * One line of `metrics.jsonl`. `loss` has one entry an objective plus `total` (the weighted sum that is minimised), in nats.
 * A training line carries learning rate, gradient norm (before clipping; with several objectives in a step also that of each, times its weight),
 * speed, and the share of the step's time that the device waited for its batch; an evaluation line carries `eval` (held-out data): the held-out loss of each
 * objective by its name (`mlm` at a masking rate of 15 %), further metrics as `objective.metric`, and `unigram`, the entropy of the unigram
 * distribution in nats: what a model that knows only word frequencies would reach on the masked tokens. A line with `probes` carries the main metric of
 * each downstream task, as `probe: metric`.
 */
export const Metrics = z.object({
  step: z.int(),
  tokens: z.number(),
  seconds: z.number(),
  loss: z.optional(z.record(z.string(), z.number())),
  eval: z.optional(z.record(z.string(), z.number())),
  probes: z.optional(z.record(z.string(), z.number())),
  learningRate: z.optional(z.number()),
  gradientNorm: z.optional(z.number()),
  gradientNorms: z.optional(z.record(z.string(), z.number())),
  dataWait: z.optional(z.number()),
  tokensPerSecond: z.optional(z.number()),
});
export type Metrics = z.infer<typeof Metrics>;

/** What a model must beat to have learned anything. */
export const Baseline = z.object({
  /** Name of a held-out metric: the objective's own, or `objective.metric`. */
  metric: z.string(),
  value: z.number(),
  /** What reaches it, in a few words. */
  by: z.string(),
  better: z.enum(['lower', 'higher']),
});
export type Baseline = z.infer<typeof Baseline>;

/** One pre-training objective in words: a row of the registry without its code. */
export const ObjectiveSummary = z.object({
  type: z.string(),
  title: z.string(),
  description: z.string(),
  needs: z.string(),
  goodFor: z.string(),
  papers: z.array(z.string()),
  metrics: z.record(z.string(), z.string()),
});
export type ObjectiveSummary = z.infer<typeof ObjectiveSummary>;

export const RunState = z.enum(['preparing', 'running', 'completed', 'stopped', 'paused', 'failed', 'interrupted']);
export type RunState = z.infer<typeof RunState>;

/** One run as the lists show it, read from its folder. `folder` is an absolute path. */
export const RunSummary = z.object({
  id: z.string(),
  name: z.string(),
  folder: z.string(),
  state: RunState,
  step: z.int(),
  steps: z.int(),
  startedAt: z.string(),
  objectives: z.array(z.string()),
  baselines: z.array(Baseline),
  loss: z.optional(z.record(z.string(), z.number())),
  eval: z.optional(z.record(z.string(), z.number())),
  /** Step of the newest valid checkpoint; absent while there is none. */
  checkpoint: z.optional(z.int()),
  /** Why the run failed or stopped, for people. */
  message: z.optional(z.string()),
});
export type RunSummary = z.infer<typeof RunSummary>;

/** What a model is exported as. */
export const ExportFormat = z.enum(['hf', 'onnx', 'safetensors']);
export type ExportFormat = z.infer<typeof ExportFormat>;

export const Severity = z.enum(['error', 'warning']);
export const Problem = z.extend(Span, { severity: Severity, message: z.string() });
export type Problem = z.infer<typeof Problem>;
