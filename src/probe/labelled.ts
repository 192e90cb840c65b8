import type { ClassificationProbe, PairProbe } from '../experiment/probes';
import type * as z from 'zod';
import { embed } from '../inspect/embeddings';
import { UserError } from '../shared/errors';
import { locate } from './dataset';
import { classifierLogits, finetune } from './finetune';
import { countLeaks } from './leaks';
import { fitLinear, likeliest, linearLogits, STRENGTHS } from './linear-head';
import { accuracyOf, macroF1Of } from './metrics/classification';
import type { Measured, ProbeContext } from './probe';
import { allOf, bootstrap, noteOnAllAlike } from './statistics';
import { keyOf, readTable, sample, splitRows, type TableRow } from './table';

type Options = z.output<typeof ClassificationProbe> | z.output<typeof PairProbe>;

/** An example with its texts, one or two, and its label as it is written. */
interface Example {
  readonly texts: readonly string[];
  readonly label: string;
}

/** Share of the training examples on which the strength of the penalty is chosen. */
const DEVELOPMENT = 0.2;

/** Learns labels from texts, and tells those of the test. @param columns of the texts */
export async function measureLabels(options: Options, columns: readonly string[], context: ProbeContext): Promise<Measured> {
  const { model, signal, onProgress, threads } = context;
  const { seed, method } = options;
  const { train, test, note } = await divide(options, columns, context);
  const classes = [...new Set(train.map(({ label }) => label))].sort();
  if (classes.length < 2)
    throw new UserError(
      `Every training example of ${options.train} has the label "${classes[0]}" in the column "${options.label}".`,
      'Labels must be of two kinds or more.',
      'corpus',
    );
  const classOf = new Map(classes.map((label, i) => [label, i]));
  const labelsOf = (examples: readonly Example[]): number[] => examples.map(({ label }) => classOf.get(label) ?? classes.length);
  const textsOf = (examples: readonly Example[]): (readonly string[])[] => examples.map(({ texts }) => texts);
  const [truth, notes] = [labelsOf(test), [note]];
  let told: number[];
  if (method === 'finetune') {
    onProgress?.(`Fine-tuning on ${train.length} examples`);
    const classifier = await finetune(model, textsOf(train), labelsOf(train), classes.length, options, threads, signal);
    told = likeliest(await classifierLogits(classifier, textsOf(test), signal), classes.length);
    notes.push(
      `All weights were trained for ${options.epochs} epochs at a peak learning rate of ${options.learningRate}; nothing was chosen.`,
    );
  } else {
    onProgress?.(`Embedding ${train.length + test.length} examples`);
    const features = await featuresOf(context, textsOf(train));
    const rows = train.map((example, i) => ({ row: features[i]!, label: labelsOf([example])[0]!, key: keyOf(example.texts) }));
    const strength = await chooseStrength(rows, classes.length, seed, context);
    const head = await fitLinear(examplesOf(rows), classes.length, strength, threads, signal);
    told = likeliest(await linearLogits(head, await featuresOf(context, textsOf(test))), classes.length);
    notes.push(`Logistic regression on frozen features, C = ${strength}, chosen on ${100 * DEVELOPMENT} % of the training examples.`);
  }
  const accuracy = bootstrap(test.length, accuracyOf(truth, told), { seed });
  notes.push(...noteOnAllAlike(accuracy, test.length));
  const unknown = truth.filter((label) => label === classes.length).length;
  if (unknown > 0) notes.push(`${unknown} test examples have a label that no training example has: they count as wrong.`);
  // The most that one answer to everything reaches: of another the luck of the test could pass for learning.
  const commonest = Math.max(...classes.map((_, label) => truth.filter((each) => each === label).length));
  return {
    metrics: {
      accuracy,
      macroF1: bootstrap(test.length, macroF1Of(truth, told), { seed }),
    },
    floor: { value: commonest / truth.length, by: 'the commonest label' },
    examples: test.length,
    trained: train.length,
    leaks: await countLeaks(textsOf(test), textsOf(train), context),
    notes,
  };
}

/** Training and test examples: two files, or one that is divided. */
async function divide(
  { train, test, testShare, trainExamples, examples, label, seed }: Options,
  columns: readonly string[],
  context: ProbeContext,
): Promise<{ train: Example[]; test: Example[]; note: string }> {
  const read = async (file: string): Promise<Example[]> =>
    (await readTable(await locate(file, context), [...columns, label])).map((row: TableRow) => ({
      texts: columns.map((column) => row[column]!),
      label: row[label]!,
    }));
  const all = await read(train);
  const sides = test === undefined ? splitRows(all, ({ texts }) => keyOf(texts), testShare, seed) : { train: all, test: await read(test) };
  if (sides.train.length < 2 || sides.test.length === 0)
    throw new UserError(`${train} has too few examples to learn from and to be measured on.`, 'Give more rows, or a test file.', 'corpus');
  const note =
    test === undefined
      ? `Split by the probe: ${100 * testShare} % of ${train} is the test, drawn by seed ${seed}.`
      : `Split as given: learnt from ${train}, measured on ${test}.`;
  return { train: sample(sides.train, trainExamples, seed), test: sample(sides.test, examples, seed), note };
}

/** A text's embedding; of two texts u and v what InferSent reads: u, v, |u − v| and u·v by components (Conneau et al., 2017, arXiv 1705.02364). */
async function featuresOf({ model, signal }: ProbeContext, texts: readonly (readonly string[])[]): Promise<Float32Array[]> {
  const vectors = await embed(model, texts.flat(), signal);
  let at = 0;
  return texts.map((each) => {
    const [u, v] = [vectors[at]!, vectors[at + 1]];
    at += each.length;
    return each.length === 1 ? u : Float32Array.of(...u, ...v!, ...u.map((x, i) => Math.abs(x - v![i]!)), ...u.map((x, i) => x * v![i]!));
  });
}

interface Row {
  readonly row: Float32Array;
  readonly label: number;
  readonly key: string;
}

const examplesOf = (rows: readonly Row[]): { rows: Float32Array[]; labels: number[] } => ({
  rows: rows.map(({ row }) => row),
  labels: rows.map(({ label }) => label),
});

/** The penalty with which the training examples that are not held out tell most of those that are. */
async function chooseStrength(rows: readonly Row[], classes: number, seed: number, { threads, signal }: ProbeContext): Promise<number> {
  const { train, test } = splitRows(rows, ({ key }) => key, DEVELOPMENT, seed);
  if (train.length === 0 || test.length === 0) return STRENGTHS.at(-1)!;
  const [fitted, held] = [examplesOf(train), examplesOf(test)];
  let best = { strength: STRENGTHS[0]!, accuracy: -1 };
  for (const strength of STRENGTHS) {
    const head = await fitLinear(fitted, classes, strength, threads, signal);
    const told = likeliest(await linearLogits(head, held.rows), classes);
    const accuracy = accuracyOf(held.labels, told)(allOf(told.length));
    if (accuracy > best.accuracy) best = { strength, accuracy };
  }
  return best.strength;
}
