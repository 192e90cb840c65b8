import * as z from 'zod';

const file = (what: string): z.ZodString =>
  z
    .string()
    .min(1)
    .describe(
      `Path of ${what}: a .jsonl, .csv, .tsv or .parquet file with named columns, relative to the experiment's own folder, or one of the hub's datasets (hf://datasets/owner/name/file.parquet).`,
    );
const column = (standard: string, what: string): z.ZodDefault<z.ZodString> =>
  z.string().min(1).default(standard).describe(`Name of the column with ${what}. Default: ${standard}.`);

const common = {
  name: z.string().min(1).max(80).optional().describe("What the probe is called in tables. Default: its type and its file's name."),
  seed: z
    .int()
    .min(0)
    .max(0xffff_ffff)
    .default(1)
    .describe('Where the random choices of the probe start: splits, order, new weights, resamples. Default: 1.'),
  examples: z.int().min(2).max(10_000_000).optional().describe('At most so many test examples, drawn by the seed. Default: all.'),
};

/** Fields of a probe that learns from labelled examples. */
const learning = {
  train: file('the labelled examples to learn from'),
  test: file('the examples to be measured on').optional(),
  testShare: z
    .number()
    .gt(0)
    .max(0.9)
    .default(0.2)
    .describe(
      'Without a test file: fraction of the examples (by their texts, drawn by the seed) that is kept apart for the test. Default: 0.2.',
    ),
  trainExamples: z
    .int()
    .min(2)
    .max(10_000_000)
    .optional()
    .describe('At most so many examples to learn from, drawn by the seed. Default: all.'),
};
const method = z
  .enum(['linear', 'finetune'])
  .default('linear')
  .meta({
    enumDescriptions: [
      'Logistic regression on frozen sentence embeddings: what the model already knows.',
      'All weights are trained on the task: what the model is a good start for.',
    ],
    description: 'How the labels are learnt: linear (a linear head on frozen features) or finetune (the whole model). Default: linear.',
  });
const finetuning = {
  epochs: z.number().gt(0).max(100).default(3).describe('Passes over the training examples when the model is fine-tuned. Default: 3.'),
  batchSize: z.int().min(2).max(1024).default(16).describe('Examples in a step of fine-tuning. Default: 16.'),
  learningRate: z.number().gt(0).max(1).default(3e-4).describe("AdamW's peak learning rate when the model is fine-tuned. Default: 0.0003."),
};

export const ClassificationProbe = z
  .strictObject({
    type: z.literal('classification').describe('Sentiment, topic: one label for each text. Accuracy and macro-F1.'),
    ...common,
    ...learning,
    text: column('text', 'the texts'),
    label: column('label', 'the labels'),
    method,
    ...finetuning,
  })
  .describe('Sentiment, topic: one label for each text. Accuracy and macro-F1.');

export const PairProbe = z
  .strictObject({
    type: z.literal('pair').describe('Next sentence, entailment, paraphrase, answer selection: one label for each pair of texts.'),
    ...common,
    ...learning,
    a: column('a', 'the first texts'),
    b: column('b', 'the second texts'),
    label: column('label', 'the labels'),
    method,
    ...finetuning,
  })
  .describe('Next sentence, entailment, paraphrase, answer selection: one label for each pair of texts. Accuracy and macro-F1.');

export const SimilarityProbe = z
  .strictObject({
    type: z.literal('similarity').describe('Pairs of texts that people scored: how well cosine similarities follow the scores.'),
    ...common,
    file: file('the scored pairs'),
    a: column('a', 'the first texts'),
    b: column('b', 'the second texts'),
    score: column('score', 'the scores; more is more alike'),
  })
  .describe("Pairs of texts that people scored: Spearman's and Pearson's correlation of cosine similarities with the scores.");

export const RetrievalProbe = z
  .strictObject({
    type: z.literal('retrieval').describe('Queries and the documents that answer them: how high those rank among all.'),
    ...common,
    file: file('queries with a document that answers each, a pair a row'),
    query: column('query', 'the queries'),
    document: column('document', 'the documents'),
    relevance: z
      .string()
      .min(1)
      .optional()
      .describe('Name of the column that says how relevant (a number; 0 is not). Default: none; all are, with 1.'),
    k: z.int().min(1).max(1000).default(10).describe('Recall is measured among so many. Default: 10.'),
  })
  .describe('Queries and the documents that answer them, ranked by cosine similarity: MRR@10, recall@k, nDCG@10.');

export const GenerationProbe = z
  .strictObject({
    type: z.literal('generation').describe('A text from a text: exact match, BLEU and chrF.'),
    ...common,
    train: file('pairs to fine-tune on').optional(),
    test: file('pairs to be measured on').optional(),
    testShare: learning.testShare,
    trainExamples: learning.trainExamples,
    source: column('source', 'the texts that are read'),
    target: column('target', 'the texts that should be written'),
    beams: z
      .int()
      .min(1)
      .max(32)
      .default(1)
      .describe('Texts that are kept in the search; 1 takes the likeliest token each time. Default: 1.'),
    ...finetuning,
  })
  .refine(({ train, test }) => train !== undefined || test !== undefined, {
    path: ['test'],
    message: 'Name a file: `test`, `train`, or both.',
  })
  .describe('A text from a text: as the model was trained to write, or after fine-tuning on `train`. Exact match, BLEU and chrF.');

export const AcceptabilityProbe = z
  .strictObject({
    type: z.literal('acceptability').describe('Minimal pairs of a good and a bad sentence: which one the model finds likelier.'),
    ...common,
    file: file('the minimal pairs'),
    good: column('good', 'the acceptable sentences'),
    bad: column('bad', 'the others'),
  })
  .describe('Minimal pairs of an acceptable and an unacceptable sentence by (pseudo-)log-likelihood: accuracy, ties as half.');

export const PerplexityProbe = z
  .strictObject({
    type: z.literal('perplexity').describe('How well hidden tokens of a text are predicted.'),
    ...common,
    files: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        "Text files to be measured on, relative to the experiment's own folder. Default: the held-out part of the run's own corpus.",
      ),
    rate: z.number().gt(0).max(0.5).default(0.15).describe('Share of the tokens that is hidden. Default: 0.15.'),
  })
  .describe('Perplexity of hidden tokens (of the next token for a causal model), on fixed batches.');

/** A downstream task, as an experiment, a comparison or a file describes it. */
export const ProbeOptions = z.discriminatedUnion('type', [
  ClassificationProbe,
  PairProbe,
  SimilarityProbe,
  RetrievalProbe,
  GenerationProbe,
  AcceptabilityProbe,
  PerplexityProbe,
]);
export type ProbeOptions = z.output<typeof ProbeOptions>;
export type ProbeType = ProbeOptions['type'];
export type ProbeOptionsOf<T extends ProbeType> = Extract<ProbeOptions, { type: T }>;
