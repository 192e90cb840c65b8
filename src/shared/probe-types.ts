import * as z from 'zod/mini';

/** A measured value and its 95 % interval (percentile bootstrap over the test examples: Efron & Tibshirani, 1993). */
export const Interval = z.object({ value: z.number(), low: z.number(), high: z.number() });
export type Interval = z.infer<typeof Interval>;

/** Test examples that the model has met before: in its pre-training text, or among the examples that the probe learnt from. */
export const Leaks = z.object({ corpus: z.optional(z.int()), training: z.optional(z.int()) });
export type Leaks = z.infer<typeof Leaks>;

/** What one probe measured of one model. */
export const ProbeResult = z.object({
  type: z.string(),
  name: z.string(),
  /** `main` names the metric by which models are compared; `better` says which way it goes. */
  main: z.string(),
  better: z.enum(['higher', 'lower']),
  metrics: z.record(z.string(), Interval),
  /** What was asked, where models may be asked different things by one probe: numbers of different questions have no order. */
  question: z.optional(z.string()),
  /** What the main metric is without any model (the commonest label, random order), where that is known. */
  floor: z.optional(z.object({ value: z.number(), by: z.string() })),
  /** Test examples, and those that were learnt from. */
  examples: z.int(),
  trained: z.optional(z.int()),
  leaks: Leaks,
  /** The split, what was chosen on the training side, and anything else that a reader must know: one line each. */
  notes: z.array(z.string()),
  seconds: z.number(),
});
export type ProbeResult = z.infer<typeof ProbeResult>;

/** A line of a run's `probes.jsonl`. */
export const ProbeRecord = z.object({ step: z.int(), probes: z.array(ProbeResult) });
export type ProbeRecord = z.infer<typeof ProbeRecord>;
