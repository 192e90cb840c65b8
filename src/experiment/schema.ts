import * as z from 'zod';
import { isPretrained, Model, PRETRAINED_FIELDS, type SizedModel } from './model';
import { nearest } from './nearest';
import { ProbeOptions } from './probes';
import { resolveModel } from './resolve';
import { Combination, Corpus, defaultTokenizer, Tokenizer, Training } from './sections';

/**
 * The schema of a `*.lab.json`: the one source of its types, its checks and its JSON Schema. Objectives are declared elsewhere, so it is a function
 * of theirs.
 *
 * @param objective a strict object with a literal `type`, or a discriminated union of such by `type`
 */
export function experimentSchema<O extends z.ZodType>(objective: O) {
  return z
    .strictObject({
      $schema: z
        .string()
        .optional()
        .describe('Address of a JSON Schema for editors other than VS Code; it has no effect on the experiment.'),
      name: z
        .string()
        .min(1)
        .max(80)
        .optional()
        .describe("What the experiment's runs are called, in lists and on disk. Default: the file's name without .lab.json."),
      seed: z
        .int()
        .min(0)
        .max(0xffff_ffff)
        .default(1)
        .describe(
          'Where all random choices start: initial weights, order of the text, masks, dropout. The same seed repeats a run; another one shows how much of a result is luck. Default: 1.',
        ),
      corpus: Corpus,
      tokenizer: Tokenizer,
      model: Model,
      objectives: z
        .array(objective)
        .min(1)
        .describe('What the model is asked to do, so that it learns: one or several pre-training tasks, each type at most once. Required.'),
      combination: Combination,
      training: Training,
      probes: z
        .array(ProbeOptions)
        .default([])
        .describe(
          'Downstream tasks that measure what the model has learned, at the end and every `training.probeEvery` steps. Default: none.',
        ),
    })
    .superRefine((experiment, context) => {
      for (const { path, message } of contradictions(experiment)) context.addIssue({ code: 'custom', path, message });
    });
}

/** An experiment that passed its checks, every default written out; `O` is what the objective schema yields. */
export type Experiment<O> = z.output<ReturnType<typeof experimentSchema<z.ZodType<O>>>> & { name: string };

interface Contradiction {
  readonly path: (string | number)[];
  readonly message: string;
}

/** What is wrong between fields that are each right on their own. */
function* contradictions({
  model,
  tokenizer,
  objectives,
  combination,
}: {
  model: Model;
  tokenizer: Tokenizer;
  objectives: readonly unknown[];
  combination: Combination;
}): Generator<Contradiction> {
  if (isPretrained(model)) yield* notItsOwn(model, tokenizer);
  else yield* unevenHeads(model);
  const names = objectives.flatMap((objective) =>
    typeof objective === 'object' && objective !== null && 'type' in objective ? [String(objective.type)] : [],
  );
  yield* misnamed(combination, names);
  const types = new Map<unknown, number>();
  for (const [i, objective] of objectives.entries()) {
    if (typeof objective !== 'object' || objective === null) continue;
    if ('type' in objective) {
      const first = types.get(objective.type);
      if (first === undefined) types.set(objective.type, i);
      else {
        const message = `there is already an objective "${String(objective.type)}" (\`objectives[${first}]\`). Merge the two, or remove one.`;
        yield { path: ['objectives', i, 'type'], message };
      }
    }
    // How long the sequences of a pre-trained model may be is known when it has been read.
    if (isPretrained(model)) continue;
    const { maxPositions } = resolveModel(model, 1);
    for (const field of ['sequenceLength', 'targetLength']) {
      const length = (objective as Record<string, unknown>)[field];
      if (typeof length !== 'number' || length <= maxPositions) continue;
      const message =
        `sequences of ${length} tokens do not fit a model of ${maxPositions} positions. ` +
        `Use at most ${maxPositions} here, or raise \`model.maxPositions\`.`;
      yield { path: ['objectives', i, field], message };
    }
  }
}

function* unevenHeads(model: SizedModel): Generator<Contradiction> {
  const { hiddenSize, attentionHeads } = resolveModel(model, 1);
  if (hiddenSize % attentionHeads === 0) return;
  const written = typeof model === 'object' && model.attentionHeads !== undefined ? 'attentionHeads' : 'hiddenSize';
  const way =
    written === 'attentionHeads'
      ? `Use ${nearestDivisors(hiddenSize, attentionHeads).join(' or ')} heads.`
      : `Use ${multiples(hiddenSize, attentionHeads).join(' or ')}.`;
  yield {
    path: ['model', written],
    message: `a hidden size of ${hiddenSize} cannot be divided evenly among ${attentionHeads} attention heads. ${way}`,
  };
}

/** A pre-trained model has its size and its tokenizer. */
function* notItsOwn(model: object, tokenizer: Tokenizer): Generator<Contradiction> {
  for (const field of Object.keys(model).filter((name) => !PRETRAINED_FIELDS.includes(name))) {
    const message = `the model that \`model.from\` names has its own. Remove this field, or \`from\`; beside it there may be ${PRETRAINED_FIELDS.slice(1).join(' and ')}.`;
    yield { path: ['model', field], message };
  }
  for (const [field, usual] of Object.entries({ ...defaultTokenizer, from: undefined })) {
    if (tokenizer[field as keyof Tokenizer] === usual) continue;
    yield { path: ['tokenizer', field], message: 'the model that `model.from` names brings its own tokenizer. Remove this field.' };
  }
}

/** What a combination names must be there, and what is there must be named. */
function* misnamed(combination: Combination, types: readonly string[]): Generator<Contradiction> {
  const lists: [path: (string | number)[], names: readonly string[]][] =
    combination.kind === 'alternate'
      ? [[['combination', 'ratio'], Object.keys(combination.ratio)]]
      : combination.kind === 'phases'
        ? combination.phases.map(({ objectives }, i) => [['combination', 'phases', i, 'objectives'], objectives])
        : [];
  for (const [path, names] of lists) {
    const unknown = names.find((name) => !types.includes(name));
    if (unknown === undefined) continue;
    const meant = nearest(unknown, types);
    const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`;
    yield { path, message: `\`objectives\` has no "${unknown}", only ${types.join(', ')}.${hint}` };
    return;
  }
  const idle = lists.length > 0 ? types.find((type) => !lists.some(([, names]) => names.includes(type))) : undefined;
  if (idle !== undefined) {
    const path = ['combination', combination.kind === 'alternate' ? 'ratio' : 'phases'];
    yield { path, message: `the objective "${idle}" is never trained. Name it here, or remove it from \`objectives\`.` };
  }
  if (combination.kind !== 'phases' || combination.phases.length === 0) return;
  const sum = combination.phases.reduce((total, { share }) => total + share, 0);
  if (Math.abs(sum - 1) > 1e-6)
    yield { path: ['combination', 'phases'], message: `the shares of the phases add up to ${Number(sum.toFixed(4))}, not to 1.` };
}

/** The divisors of `n` next to `near` on either side. */
function nearestDivisors(n: number, near: number): number[] {
  const divisors = Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);
  return [divisors.findLast((d) => d < near), divisors.find((d) => d > near)].filter((d) => d !== undefined);
}

/** The multiples of `factor` next to `near` on either side, above zero. */
const multiples = (near: number, factor: number): number[] => {
  const below = Math.floor(near / factor) * factor;
  return [below, below + factor].filter((n) => n > 0);
};
