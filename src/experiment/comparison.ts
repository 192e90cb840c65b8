import * as z from 'zod';
import { ProbeOptions } from './probes';

const Changes = z.record(z.string(), z.unknown());

const Variants = z
  .array(
    z.strictObject({
      name: z.string().min(1).max(60).describe('What the variant is called in the report.'),
      change: Changes.default({}).describe(
        'What is different from the base experiment, by JSON Merge Patch (RFC 7396): objects are merged, lists and values replaced, null removes. Default: nothing.',
      ),
    }),
  )
  .min(1);

export const Budget = z.union([
  z.strictObject({ flops: z.number().gt(0).describe('Floating-point operations of matrix products in all steps of a member.') }),
  z.strictObject({ tokens: z.number().gt(0).describe('Tokens that go through the model in all steps of a member.') }),
  z.strictObject({ seconds: z.number().gt(0).describe('Seconds of training of a member, by a measurement of its step on this machine.') }),
]);
export type Budget = z.output<typeof Budget>;

export const Executor = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('local'),
      workers: z.int().min(1).max(256).optional().describe('Members that are trained at once. Default: as many as the machine bears.'),
    })
    .describe('On this machine, several at once.'),
  z
    .strictObject({
      kind: z.literal('slurm'),
      partition: z.string().min(1).optional().describe("The partition to submit to. Default: the cluster's own."),
      cpus: z.int().min(1).max(1024).default(1).describe('Processors for each member. Default: 1.'),
      memory: z
        .string()
        .regex(/^\d+[KMGT]?$/)
        .optional()
        .describe('Memory for each member, such as 4G. Default: what the cluster gives.'),
      gpus: z.int().min(0).max(16).default(0).describe('GPUs for each member. Default: 0.'),
      time: z.string().min(1).optional().describe('Time limit of a member, such as 02:00:00. Default: what the cluster gives.'),
      atOnce: z.int().min(1).max(10_000).optional().describe('Members that run at once, at most. Default: as many as the cluster lets.'),
      node: z.string().min(1).optional().describe('Path of Node on the workers. Default: that of this process, or of the bundle.'),
      options: z
        .array(z.string().min(1))
        .default([])
        .describe('Further options of sbatch, one each, such as --account=lab. Default: none.'),
    })
    .describe('A Slurm cluster with a shared folder, by job arrays.'),
]);
export type Executor = z.output<typeof Executor>;

/** The schema of a `*.compare.json`. */
export const ComparisonSchema = z
  .strictObject({
    $schema: z.string().optional(),
    name: z.string().min(1).max(80).optional().describe("What the comparison is called. Default: the file's name without .compare.json."),
    experiment: z.string().min(1).describe("Path of the base experiment, a *.lab.json, relative to the comparison's own folder. Required."),
    variants: Variants.optional().describe('What is compared: each is the base experiment with changes.'),
    grid: z
      .record(z.string().min(1), z.array(z.unknown()).min(1))
      .optional()
      .describe(
        'Instead of variants: fields of the experiment (such as training.learningRate or objectives) with the values to try; every combination is a variant.',
      ),
    budget: Budget.describe(
      'What every member may spend, equal for all: { "flops": … }, { "tokens": … } or { "seconds": … }. It decides the number of steps. Required.',
    ),
    seeds: z
      .union([z.int().min(1).max(100), z.array(z.int().min(0).max(0xffff_ffff)).min(1).max(100)])
      .default(3)
      .describe('How many seeds each variant is trained with, or a list of them. Intervals and tests need several. Default: 3.'),
    probes: z.array(ProbeOptions).min(1).describe('The downstream tasks by which the variants are compared. Required.'),
    probeEvery: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe('Fraction of the steps after which the probes are run on the way, for learning curves. Default: at the end only.'),
    keepCheckpoints: z
      .int()
      .min(1)
      .max(1000)
      .default(1)
      .describe('How many of the newest checkpoints of each member stay on disk. Default: 1.'),
    executor: Executor.prefault({ kind: 'local' }).describe('Where the members are trained. Default: on this machine.'),
  })
  .refine(({ variants, grid }) => (variants === undefined) !== (grid === undefined), {
    path: ['variants'],
    message: 'Give either `variants` or `grid`.',
  });
export type Comparison = z.output<typeof ComparisonSchema> & { name: string };
