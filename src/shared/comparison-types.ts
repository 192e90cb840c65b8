import * as z from 'zod/mini';

/** A mean over seeds with its 95 % interval (Student's t over the seeds), in the probe's own unit. */
export const SeedMean = z.object({ mean: z.number(), low: z.number(), high: z.number(), values: z.array(z.number()) });
export type SeedMean = z.infer<typeof SeedMean>;

export const ComparedVariant = z.object({
  name: z.string(),
  objectives: z.array(z.string()),
  /** Of those that have several: where the pairs of contrastive learning come from, what a decoder is taught. */
  kinds: z.optional(z.array(z.string())),
  steps: z.int(),
  /** Means over the members that are done. `flops` counts the matrix products of all steps, `seconds` the training alone. */
  flops: z.number(),
  tokens: z.number(),
  seconds: z.number(),
  parameters: z.int(),
});
export type ComparedVariant = z.infer<typeof ComparedVariant>;

export const ComparedProbe = z.object({
  name: z.string(),
  type: z.string(),
  metric: z.string(),
  better: z.enum(['higher', 'lower']),
  floor: z.optional(z.object({ value: z.number(), by: z.string() })),
  leaks: z.object({ corpus: z.optional(z.int()), training: z.optional(z.int()) }),
  /** Present where the variants' numbers answer different questions, such as perplexities of hidden and of next tokens: they have no order. */
  mixed: z.optional(z.literal(true)),
});
export type ComparedProbe = z.infer<typeof ComparedProbe>;

/** One variant on one probe. `why` says why there is no number. `rank` (from 1) is by the mean; a mixed probe has none. */
export const ComparedCell = z.object({
  variant: z.string(),
  probe: z.string(),
  result: z.optional(SeedMean),
  rank: z.optional(z.int()),
  why: z.optional(z.string()),
});
export type ComparedCell = z.infer<typeof ComparedCell>;

/**
 * Two variants on one probe, seed by seed: the mean of `a − b` in favour of `a` (positive is better, whichever way the metric goes) with its 95 %
 * interval, in how many seeds `a` is ahead, and the p-value of a paired test, as it is and corrected for all comparisons of the report (Holm, 1979).
 */
export const ComparedPair = z.object({
  probe: z.string(),
  a: z.string(),
  b: z.string(),
  difference: z.number(),
  low: z.number(),
  high: z.number(),
  wins: z.int(),
  seeds: z.int(),
  p: z.number(),
  adjusted: z.number(),
  /** The p-value of exact sign flips (Fisher, 1935), which assumes no distribution; from six seeds on, fewer cannot reach 0.05. */
  permutation: z.optional(z.number()),
});
export type ComparedPair = z.infer<typeof ComparedPair>;

/** What to choose for a task. `certainty`: `clear` when the best is significantly better than every other, `tied` when some cannot be told from it. */
export const Recommendation = z.object({
  probe: z.string(),
  variant: z.string(),
  certainty: z.enum(['clear', 'tied', 'unknown']),
  /** Variants that cannot be told from it. */
  rivals: z.array(z.string()),
  text: z.string(),
});
export type Recommendation = z.infer<typeof Recommendation>;

/** A point of a learning curve: held-out losses, and probes' main metrics by their names, means over seeds. */
export const CurvePoint = z.object({ step: z.int(), tokens: z.number(), flops: z.number(), values: z.record(z.string(), z.number()) });
export const Curve = z.object({ variant: z.string(), points: z.array(CurvePoint) });
export type Curve = z.infer<typeof Curve>;

export const MemberState = z.enum(['waiting', 'running', 'done', 'failed']);
export const ComparedMember = z.object({
  id: z.string(),
  variant: z.string(),
  seed: z.int(),
  state: MemberState,
  /** Its run's folder, seen from the comparison's. */
  run: z.optional(z.string()),
  step: z.optional(z.int()),
  message: z.optional(z.string()),
});
export type ComparedMember = z.infer<typeof ComparedMember>;

/** All that a comparison found: what `report.json` holds, and Markdown and panel show. */
export const ComparisonReport = z.object({
  name: z.string(),
  /** As people read it: "5 × 10¹² FLOP of matrix products each". */
  budget: z.string(),
  seeds: z.array(z.int()),
  device: z.string(),
  command: z.string(),
  createdAt: z.string(),
  variants: z.array(ComparedVariant),
  probes: z.array(ComparedProbe),
  cells: z.array(ComparedCell),
  pairs: z.array(ComparedPair),
  recommendations: z.array(Recommendation),
  curves: z.array(Curve),
  members: z.array(ComparedMember),
  /** What a reader must know to believe it: how the tests were made, what is missing. */
  notes: z.array(z.string()),
});
export type ComparisonReport = z.infer<typeof ComparisonReport>;

/** What a model is for. */
export const Task = z.enum(['classification', 'pair', 'similarity', 'retrieval', 'generation', 'acceptability']);
export type Task = z.infer<typeof Task>;

/** What a text is like. Absent: not known. */
export const DataShape = z.object({
  /** Whether there are documents of several sentences in their order. */
  documents: z.optional(z.boolean()),
  /** Whether there is a file of texts that belong together, or of sources and their targets. */
  pairs: z.optional(z.boolean()),
  /** Whether most texts are a sentence or less. */
  short: z.optional(z.boolean()),
});
export type DataShape = Readonly<z.infer<typeof DataShape>>;

/** The rank of objectives among the variants of a comparison that has a probe of the task, and how many of the others they were not told apart from. */
export const Measurement = z.object({
  comparison: z.string(),
  probe: z.string(),
  variant: z.string(),
  rank: z.int(),
  of: z.int(),
  tied: z.int(),
});
export type Measurement = z.infer<typeof Measurement>;

/** Objectives that may suit a task, trained together. */
export const Advice = z.object({
  /** Their types. */
  objectives: z.array(z.string()),
  title: z.string(),
  reason: z.string(),
  /** What speaks against them. */
  caution: z.optional(z.string()),
  papers: z.array(z.string()),
  /** Whether the data admits them, and why not. */
  admissible: z.boolean(),
  why: z.optional(z.string()),
  measured: z.optional(z.array(Measurement)),
});
export type Advice = z.infer<typeof Advice>;
