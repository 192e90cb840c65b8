import type { ProbeOptionsOf } from '../experiment/probes';
import type { OpenedModel } from '../inspect/model';
import { nextTokenLosses, predictsNext } from '../inspect/next-tokens';
import { negativeLogLikelihoods } from '../inspect/rows';
import { maskSequence, STANDARD_MASKING } from '../objectives/masking';
import { UserError } from '../shared/errors';
import type { Leaks } from '../shared/probe-types';
import { hash32 } from '../shared/random';
import { readPieces } from '../text/corpus';
import { splitSentences } from '../text/sentences';
import { loadRun } from '../train/experiment';
import { reopen } from '../train/setup';
import { locate } from './dataset';
import { countLeaks } from './leaks';
import type { Probe, ProbeContext } from './probe';
import { bootstrap } from './statistics';
import { sample } from './table';

type Options = ProbeOptionsOf<'perplexity'>;

/** Hidden tokens of a text, or next ones for a causal model. */
export const perplexity: Probe<Options> = {
  type: 'perplexity',
  title: 'Perplexity',
  description: 'How well hidden tokens of a text are predicted; next tokens for a causal model.',
  main: 'perplexity',
  better: 'lower',
  metrics: { perplexity: 'The exponential of the mean loss in nats: as uncertain as a choice among so many tokens.' },
  papers: ['Devlin et al., 2019. BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding. arXiv 1810.04805'],
  async run(options, context) {
    const { model, signal, onProgress } = context;
    const measure = measureOf(model, options);
    const { windows: all, note, leaks } = options.files ? await fromFiles(options.files, context) : fromRun(context);
    const windows = sample(all, options.examples, options.seed);
    if (windows.length === 0)
      throw new UserError('There are too few words to measure a perplexity on.', 'Name files with more text in "files".', 'corpus');
    const rows: Loss[] = [];
    for (let from = 0; from < windows.length; from += CHUNK) {
      onProgress?.(`Reading windows: ${from} of ${windows.length}`);
      rows.push(...(await measure.of(windows.slice(from, from + CHUNK), signal)));
    }
    const told = rows.reduce((sum, { tokens }) => sum + tokens, 0);
    return {
      metrics: { perplexity: bootstrap(rows.length, perplexityOf(rows), { seed: options.seed }) },
      question: measure.question,
      examples: windows.length,
      leaks,
      notes: [
        `${measure.note} ${told} tokens in ${windows.length} windows of at most ${model.context - 2} tokens.`,
        note,
        `Perplexities compare models of one tokenizer, here of ${model.tokenizer.vocabularySize} tokens.`,
      ],
    };
  },
};

/** The losses in nats of a window's tokens, added up. */
interface Loss {
  readonly total: number;
  readonly tokens: number;
}

/** Windows that are read between two messages. */
const CHUNK = 512;

const perplexityOf =
  (rows: readonly Loss[]) =>
  (indices: Int32Array): number => {
    let [total, tokens] = [0, 0];
    for (const i of indices) {
      total += rows[i]!.total;
      tokens += rows[i]!.tokens;
    }
    return Math.exp(total / tokens);
  };

interface Measure {
  readonly of: (windows: readonly Int32Array[], signal?: AbortSignal) => Promise<Loss[]>;
  /** What is predicted. */
  readonly question: string;
  readonly note: string;
}

/** @throws UserError (code `probe`) for a model that predicts neither hidden tokens nor next ones */
function measureOf(model: OpenedModel, { rate, seed }: Options): Measure {
  const { tokenizer, vocabulary } = model;
  if (model.predicts) {
    const masking = { ...STANDARD_MASKING, rate, replace: { mask: 1, random: 0, keep: 0 } };
    return {
      question: 'hidden tokens',
      note: `Masked: ${100 * rate} % of the tokens were replaced by the mask token, chosen by seed ${seed} and by the text alone.`,
      of: async (windows, signal) => {
        const rows = windows.map((ids) => {
          const { cls, sep } = tokenizer.special;
          const { inputIds, hidden } = maskSequence(Int32Array.of(cls, ...ids, sep), masking, vocabulary, hash32(seed, ...ids));
          return {
            ids: inputIds.subarray(1, -1),
            slots: hidden.map(({ position }) => position - 1),
            labels: hidden.map(({ label }) => label),
          };
        });
        const losses = await negativeLogLikelihoods(model, rows, signal);
        return windows.map((_, i) => ({ total: losses[i]!.reduce((a, b) => a + b, 0), tokens: losses[i]!.length }));
      },
    };
  }
  if (predictsNext(model)) {
    return {
      question: 'next tokens',
      note: 'A causal model: every token was predicted from those before it in its window, not comparable with hidden tokens.',
      of: async (windows, signal) => {
        const losses = await nextTokenLosses(model, windows, signal);
        return windows.map((ids, i) => {
          const known = losses[i]!.filter((_, place) => !tokenizer.isSpecial(ids[place]!));
          return { total: known.reduce((a, b) => a + b, 0), tokens: known.length };
        });
      },
    };
  }
  throw new UserError(
    `The model in ${model.folder} predicts neither hidden tokens nor next ones.`,
    'Choose a run whose objectives include "mlm" or "clm".',
    'probe',
  );
}

interface Windows {
  readonly windows: Int32Array[];
  readonly note: string;
  readonly leaks: Leaks;
}

/** The part of the run's own corpus that it was not trained on. */
function fromRun({ run, model }: ProbeContext): Windows {
  const corpus = run === undefined ? undefined : reopen(loadRun(run));
  if (!corpus)
    throw new UserError(
      run === undefined
        ? `The model in ${model.folder} has no corpus of its own to be measured on.`
        : `The text that ${run} was prepared from is gone from the cache.`,
      'Name text files in "files".',
      'probe',
    );
  try {
    const { heldOut } = corpus.dataset;
    const windows = windowsOf(heldOut.tokens(0, heldOut.tokenCount), model);
    return { windows, note: `The held-out part of the run's own corpus: ${heldOut.documentCount} documents.`, leaks: {} };
  } finally {
    corpus.dataset.close();
  }
}

/** @throws UserError (code `corpus`) for a file that cannot be read */
async function fromFiles(files: readonly string[], context: ProbeContext): Promise<Windows> {
  const { model } = context;
  const windows: Int32Array[] = [];
  const sentences: string[] = [];
  for (const file of files) {
    let text = '';
    const path = await locate(file, context);
    try {
      for await (const piece of readPieces(path)) text += piece;
    } catch (error) {
      throw new UserError(`${file} cannot be read as text.`, 'Name UTF-8 text files.', 'corpus', { cause: error });
    }
    windows.push(...windowsOf((await model.tokenizer.encode(text)).ids, model));
    sentences.push(...splitSentences(text).map((unit) => unit.text));
  }
  if (windows.length === 0) throw new UserError(`There are too few words in ${files.join(', ')}.`, 'Name files with more text.', 'corpus');
  const leaks = await countLeaks(
    sentences.map((sentence) => [sentence]),
    undefined,
    context,
  );
  return { windows, note: `Leaks are counted by sentence: of ${sentences.length} in ${files.join(', ')}.`, leaks };
}

/** Stretches of tokens one after another, each as long as the model reads at once; a last one too short for a word in its context is left out. */
function windowsOf(ids: Int32Array, { context, tokenizer }: OpenedModel): Int32Array[] {
  const size = context - 2;
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, i) => ids.slice(i * size, (i + 1) * size)).filter(
    (window) => window.filter((id) => !tokenizer.isSpecial(id)).length >= 2,
  );
}
