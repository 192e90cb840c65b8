import { z } from 'zod';

/** Where something stands in a text, in UTF-16 code units, end exclusive: the editor's own unit. */
export const Span = z.object({ start: z.int().nonnegative(), end: z.int().nonnegative() });
export type Span = z.infer<typeof Span>;

export const Device = z.enum(['auto', 'cpu', 'cuda', 'webgpu']);
export type Device = z.infer<typeof Device>;

/** A token of a text. `text` is what it covers in the source; special tokens cover nothing (start = end). */
export const Token = Span.extend({ id: z.int(), token: z.string(), special: z.boolean() });
export type Token = z.infer<typeof Token>;

export const Candidate = z.object({ token: z.string(), id: z.int(), probability: z.number() });
export type Candidate = z.infer<typeof Candidate>;

/** What the model puts in one hidden place. `truth` is the token that stands there in the source, with its rank from 1. */
export const Prediction = z.object({
  index: z.int(),
  candidates: z.array(Candidate),
  truth: Candidate.extend({ rank: z.int() }).optional(),
});
export type Prediction = z.infer<typeof Prediction>;

export const Unit = z.enum(['sentence', 'line', 'paragraph']);
export type Unit = z.infer<typeof Unit>;

export const TextUnit = Span.extend({ text: z.string() });
export type TextUnit = z.infer<typeof TextUnit>;

/** Cosine similarity of every pair of units; row-major, in −1…1. */
export const Similarity = z.object({ units: z.array(TextUnit), matrix: z.array(z.array(z.number())) });
export type Similarity = z.infer<typeof Similarity>;

/**
 * One line of `metrics.jsonl`. `loss` has one entry an objective plus `total` (the weighted sum that is minimised), in nats.
 * A training line carries learning rate, gradient norm (before clipping; with several objectives in a step also that of each, times its weight),
 * speed, and the share of the step's time that the device waited for its batch; an evaluation line carries `eval` (held-out data): the held-out loss of each
 * objective by its name (`mlm` at a masking rate of 15 %), further metrics as `objective.metric`, and `unigram`, the entropy of the unigram
 * distribution in nats: what a model that knows only word frequencies would reach on the masked tokens.
 */
export const Metrics = z.object({
  step: z.int(),
  tokens: z.number(),
  seconds: z.number(),
  loss: z.record(z.string(), z.number()).optional(),
  eval: z.record(z.string(), z.number()).optional(),
  learningRate: z.number().optional(),
  gradientNorm: z.number().optional(),
  gradientNorms: z.record(z.string(), z.number()).optional(),
  dataWait: z.number().optional(),
  tokensPerSecond: z.number().optional(),
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
  loss: z.record(z.string(), z.number()).optional(),
  eval: z.record(z.string(), z.number()).optional(),
  /** Step of the newest valid checkpoint; absent while there is none. */
  checkpoint: z.int().optional(),
  /** Why the run failed or stopped, for people. */
  message: z.string().optional(),
});
export type RunSummary = z.infer<typeof RunSummary>;

/** What a model is exported as. */
export const ExportFormat = z.enum(['hf', 'onnx', 'safetensors']);
export type ExportFormat = z.infer<typeof ExportFormat>;

export const Severity = z.enum(['error', 'warning']);
export const Problem = Span.extend({ severity: Severity, message: z.string() });
export type Problem = z.infer<typeof Problem>;
