import * as z from 'zod';
import { Device, Precision } from '../shared/types';

const Globs = z.array(z.string().min(1));

export const Corpus = z
  .strictObject({
    root: z
      .string()
      .min(1)
      .default('.')
      .describe(
        "The folder that holds the text, relative to the experiment's own folder. Links in it that lead elsewhere are not followed. Default: . (that folder itself).",
      ),
    include: Globs.min(1)
      .default(['**/*.md', '**/*.txt'])
      .describe(
        'Which files are read: glob patterns relative to root, where ** stands for any folders and * for any name. Default: **/*.md and **/*.txt.',
      ),
    exclude: Globs.default([]).describe(
      'Glob patterns of files to leave out. Files that .gitignore names are left out in any case. Default: none.',
    ),
    code: z.boolean().default(false).describe('Whether source code (.ts, .py, .rs and the like) is read as well. Default: false.'),
    heldOut: z
      .number()
      .gt(0)
      .max(0.5)
      .default(0.1)
      .describe(
        'Fraction of the tokens (above 0, at most 0.5) that is kept out of training, by whole documents, to measure how well the model does on text it has never seen. Default: 0.1.',
      ),
  })
  .prefault({})
  .describe('The text to learn from: files of a folder, read as UTF-8. Default: all Markdown and plain text beside the experiment.');

export const Tokenizer = z
  .strictObject({
    vocabularySize: z
      .int()
      .min(32)
      .max(262_144)
      .default(8192)
      .describe(
        'How many different tokens the tokenizer may learn. A larger vocabulary cuts text into fewer pieces, but each piece is seen more rarely and the embedding table grows. Ignored if from is set. Default: 8192.',
      ),
    lowercase: z
      .boolean()
      .default(true)
      .describe(
        'Whether text is lower-cased and accents are removed first, as in BERT-uncased: fewer rare tokens. Ignored if from is set. Default: true.',
      ),
    from: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Path of a tokenizer.json to use as it is, relative to the experiment's own folder, so that several experiments share one vocabulary. Default: none; a WordPiece tokenizer is trained on the corpus.",
      ),
  })
  .prefault({})
  .describe('How text is cut into the tokens that the model sees. Default: a WordPiece tokenizer of 8192 tokens, trained on the corpus.');
export type Tokenizer = z.output<typeof Tokenizer>;
export const defaultTokenizer: Tokenizer = Tokenizer.parse(undefined);

const steps = (): z.ZodInt => z.int().min(1).max(100_000_000);

export const Training = z
  .strictObject({
    steps: steps()
      .default(1000)
      .describe('How many times the weights are updated, each time from one batch of every objective. Default: 1000.'),
    device: z._default(Device, 'auto').meta({
      enumDescriptions: [
        'CUDA if it loads, otherwise the CPU.',
        'The processor; works everywhere.',
        'An NVIDIA graphics card (Linux on x64).',
        'Any graphics card with WebGPU.',
      ],
      description:
        'What does the arithmetic: auto, cpu, cuda or webgpu. Default: auto, which takes CUDA if it loads and the CPU otherwise, and says which.',
    }),
    deviceIndex: z
      .int()
      .min(0)
      .max(1023)
      .default(0)
      .describe(
        'Which of several NVIDIA graphics cards CUDA uses, counted from 0; other devices leave it aside. A comparison on this machine gives each card a member by itself. Default: 0.',
      ),
    precision: z._default(Precision, 'fp32').meta({
      enumDescriptions: [
        'Single precision throughout.',
        'CUDA may round the operands of matrix products to 10 bits of fraction; elsewhere the same as fp32.',
        'Matrix products in bfloat16, with 7 bits of fraction, all else in single precision. Fast on NVIDIA cards since Ampere; imitated on the CPU, more slowly than fp32; not on WebGPU.',
      ],
      description:
        'In what matrix products are computed: fp32, tf32 or bf16. Weights, optimiser, softmax, LayerNorm and losses are in single precision in any case. Default: fp32.',
    }),
    threads: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe(
        'How many processor threads one step may use on the CPU; the results are the same with any number. Default: the fastest number, by a short measurement that is kept for the machine.',
      ),
    microBatches: z
      .int()
      .min(1)
      .max(4096)
      .optional()
      .describe(
        'Into how many equal parts every batch is divided, which are computed one after another in the memory of one; loss and gradient are those of the whole batch, but that each part draws dropout masks of its own. Must divide the batch sizes. Default: as few as fit into memory, most often 1.',
      ),
    recompute: z
      .boolean()
      .default(false)
      .describe(
        'Whether the way back through the model computes each layer again instead of keeping what is in it: the same numbers in about half the memory and a third more time, for long sequences. Default: false.',
      ),
    learningRate: z
      .number()
      .gt(0)
      .max(1)
      .default(1e-3)
      .describe(
        'The size of one step of AdamW at its peak, after the warm-up (above 0, at most 1). Too high and the loss jumps or diverges, too low and it hardly falls. Small models bear 0.001, large ones want about 0.0001. Default: 0.001.',
      ),
    warmup: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe(
        "Fraction of the steps (0 to 1) over which the learning rate climbs from 0 to its peak, while AdamW's averages are still rough. Default: 0.1.",
      ),
    schedule: z
      .enum(['linear', 'cosine', 'constant'])
      .default('linear')
      .meta({
        enumDescriptions: [
          'Falls in a straight line to 0.',
          'Falls to 0 along half a cosine: slowly, then fast, then slowly.',
          'Stays at its peak.',
        ],
        description: 'What the learning rate does after the warm-up: linear, cosine or constant. Default: linear.',
      }),
    weightDecay: z
      .number()
      .min(0)
      .max(1)
      .default(0.01)
      .describe(
        'How strongly weights are pulled towards zero (0 to 1, multiplied by the learning rate each step), decoupled from the gradient (AdamW, arXiv 1711.05101); biases and LayerNorm are spared. Default: 0.01.',
      ),
    beta1: z
      .number()
      .min(0)
      .lt(1)
      .default(0.9)
      .describe(
        "Share of the old value that AdamW's running mean of the gradient keeps each step (0 to below 1): its momentum. Default: 0.9.",
      ),
    beta2: z
      .number()
      .min(0)
      .lt(1)
      .default(0.999)
      .describe(
        "The same share for AdamW's running mean of the squared gradient, which scales each weight's step (0 to below 1). Default: 0.999.",
      ),
    epsilon: z
      .number()
      .gt(0)
      .max(1)
      .default(1e-8)
      .describe("A small number added to AdamW's denominator against division by zero (above 0). Default: 1e-8."),
    gradientClip: z
      .number()
      .gt(0)
      .default(1)
      .describe(
        'The longest gradient, as Euclidean norm over all weights; a longer one is scaled down to it, so that one odd batch cannot wreck the model. A very large number switches it off. Default: 1.',
      ),
    evaluateEvery: steps()
      .default(100)
      .describe('After how many steps the held-out loss is measured, each time on the same fixed batches. Default: 100.'),
    probeEvery: steps()
      .optional()
      .describe(
        "After how many steps the experiment's probes are run, for learning curves; a checkpoint is saved then. They are always run at the end. Default: at the end only.",
      ),
    checkpointEvery: steps()
      .default(200)
      .describe('After how many steps the state is saved; the inspector looks through the newest. Default: 200.'),
    keepCheckpoints: z
      .int()
      .min(1)
      .max(1000)
      .default(3)
      .describe('How many of the newest checkpoints stay on disk; older ones are deleted. Default: 3.'),
    keepBest: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A held-out metric, such as mlm or nsp.accuracy, by which the best checkpoint stays on disk besides the newest; every checkpoint is then measured. Default: none.',
      ),
    stepBacks: z
      .int()
      .min(0)
      .max(20)
      .default(0)
      .describe(
        'How many times a run whose loss diverges goes back to its last checkpoint and on with half the learning rate, before it stops. Default: 0.',
      ),
  })
  .prefault({})
  .describe('How the weights are fitted: AdamW with warm-up and gradient clipping. Default: 1000 steps at a peak learning rate of 0.001.');

const Name = z.string().min(1);

export const Combination = z
  .discriminatedUnion('kind', [
    z
      .strictObject({ kind: z.literal('sum') })
      .describe('All objectives in every step; their losses are multiplied by their weights and added up.'),
    z
      .strictObject({
        kind: z.literal('alternate'),
        ratio: z
          .record(Name, z.int().min(1).max(1000))
          .describe('How many of every few steps each objective gets, by type: { "mlm": 3, "contrastive": 1 } is three in four.'),
      })
      .describe('One objective in each step, in turn.'),
    z
      .strictObject({
        kind: z.literal('phases'),
        phases: z
          .array(
            z.strictObject({
              objectives: z.array(Name).min(1).describe('Types of the objectives that are trained in this phase, added up.'),
              share: z.number().gt(0).max(1).describe("Share of the run's steps; the shares of all phases add up to 1."),
            }),
          )
          .min(1)
          .describe('What is trained one after another, such as masked language modelling first and contrastive learning then.'),
      })
      .describe('Some objectives first, others then.'),
  ])
  .prefault({ kind: 'sum' })
  .describe(
    'How several objectives share the steps: added up in each (sum), one after another in turn (alternate), or in phases. Default: sum.',
  );
export type Combination = z.output<typeof Combination>;
