import { z } from 'zod';
import { Model } from './model';
import { resolveModel } from './resolve';
import { Corpus, Tokenizer, Training } from './sections';

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
        .describe(
          'What the model is asked to do, so that it learns: one or several pre-training tasks, each type at most once. Their losses are multiplied by their weights and added up in every step. Required.',
        ),
      training: Training,
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
function* contradictions({ model, objectives }: { model: Model; objectives: readonly unknown[] }): Generator<Contradiction> {
  const { hiddenSize, attentionHeads, maxPositions } = resolveModel(model, 1);
  if (hiddenSize % attentionHeads !== 0) {
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
    if ('sequenceLength' in objective && typeof objective.sequenceLength === 'number' && objective.sequenceLength > maxPositions) {
      const message =
        `sequences of ${objective.sequenceLength} tokens do not fit a model of ${maxPositions} positions. ` +
        `Use at most ${maxPositions} here, or raise \`model.maxPositions\`.`;
      yield { path: ['objectives', i, 'sequenceLength'], message };
    }
  }
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
