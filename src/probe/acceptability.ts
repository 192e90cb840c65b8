import type { ProbeOptionsOf } from '../experiment/probes';
import type { OpenedModel } from '../inspect/model';
import { nextTokenLosses, predictsNext } from '../inspect/next-tokens';
import { maskOf, negativeLogLikelihoods } from '../inspect/rows';
import { hiddenRows, scoredWindows } from '../inspect/surprisal';
import { UserError } from '../shared/errors';
import { locate } from './dataset';
import { countLeaks } from './leaks';
import type { Probe, ProbeContext } from './probe';
import { bootstrap, meanOf, noteOnAllAlike } from './statistics';
import { readTable, sample } from './table';

/** Minimal pairs of sentences, one of which is good. */
export const acceptability: Probe<ProbeOptionsOf<'acceptability'>> = {
  type: 'acceptability',
  title: 'Acceptability',
  description: 'Which sentence of a minimal pair the model finds likelier: the good one, or the other.',
  main: 'accuracy',
  better: 'higher',
  metrics: {
    accuracy: 'Share of the pairs whose good sentence is likelier; ties count as half.',
    accuracyPerToken: 'The same by the mean log-likelihood of a token, which does not favour the shorter sentence.',
  },
  papers: [
    'Warstadt et al., 2020. BLiMP: The Benchmark of Linguistic Minimal Pairs for English. arXiv 1912.00582',
    'Salazar et al., 2020. Masked Language Model Scoring. arXiv 1910.14659',
    'Kauf & Ivanova, 2023. A Better Way to Do Masked Language Model Scoring. arXiv 2305.10588',
  ],
  async run({ file, good, bad, examples, seed }, context) {
    const rows = await readTable(await locate(file, context), [good, bad]);
    const pairs = sample(rows, examples, seed).map((row) => [row[good]!, row[bad]!] as const);
    const { scores, notes } = await likelihoods(pairs.flat(), context);
    const share = (of: (score: Score) => number): number[] =>
      pairs.map((_, i) => {
        const difference = of(scores[2 * i]!) - of(scores[2 * i + 1]!);
        return difference === 0 ? 0.5 : difference > 0 ? 1 : 0;
      });
    const measure = (of: (score: Score) => number) => bootstrap(pairs.length, meanOf(share(of)), { seed });
    const accuracy = measure(({ logLikelihood }) => logLikelihood);
    return {
      metrics: {
        accuracy,
        accuracyPerToken: measure(({ logLikelihood, tokens }) => logLikelihood / Math.max(1, tokens)),
      },
      floor: { value: 0.5, by: 'guessing' },
      examples: pairs.length,
      leaks: await countLeaks(pairs, undefined, context),
      notes: [...notes, ...noteOnAllAlike(accuracy, pairs.length)],
    };
  },
};

/** Of a text's tokens, in nats. */
interface Score {
  readonly logLikelihood: number;
  readonly tokens: number;
}

/** Texts that are scored between two messages. */
const CHUNK = 256;

/** @throws UserError (code `probe`) for a model that predicts neither hidden tokens nor next ones */
async function likelihoods(texts: readonly string[], context: ProbeContext): Promise<{ scores: Score[]; notes: string[] }> {
  const { model, signal, onProgress } = context;
  const score = scorerOf(model);
  const encoded = await Promise.all(texts.map(async (text) => (await model.tokenizer.encode(text)).ids));
  const most = model.context - 2;
  const long = encoded.filter((ids) => ids.length > most).length;
  // The same tokens are read once: among other neighbours their score differs in its last digits, and a tie would be none.
  const rows = [...new Map(encoded.map((ids) => [ids.join(), ids]))];
  const scores = new Map<string, Score>();
  for (let from = 0; from < rows.length; from += CHUNK) {
    onProgress?.(`Scoring sentences: ${from} of ${rows.length}`);
    const chunk = rows.slice(from, from + CHUNK);
    const found = await score.of(
      chunk.map(([, ids]) => ids),
      signal,
    );
    chunk.forEach(([key, ids], i) => scores.set(key, { logLikelihood: -found[i]!, tokens: ids.length }));
  }
  return {
    scores: encoded.map((ids) => scores.get(ids.join())!),
    notes: [
      score.note,
      ...(long > 0 ? [`${long} sentences are longer than the model's ${most} tokens: read in overlapping windows.`] : []),
    ],
  };
}

interface Scorer {
  /** −log p of texts, in nats. */
  readonly of: (texts: readonly Int32Array[], signal?: AbortSignal) => Promise<number[]>;
  readonly note: string;
}

function scorerOf(model: OpenedModel): Scorer {
  if (model.predicts) {
    return {
      note: 'Pseudo-log-likelihood: each token with itself and the later tokens of its word hidden, all others seen.',
      of: (texts, signal) => hiddenTokens(model, texts, signal),
    };
  }
  if (predictsNext(model)) {
    return {
      note: 'Log-likelihood of a causal model: each token from those before it.',
      of: (texts, signal) => nextTokens(model, texts, signal),
    };
  }
  throw new UserError(
    `The model in ${model.folder} cannot tell how likely a sentence is: it was trained neither on hidden tokens nor on next ones.`,
    'Choose a run whose objectives include "mlm" or "clm".',
    'probe',
  );
}

/** By words, each read where it has context on both sides. */
async function hiddenTokens(model: OpenedModel, texts: readonly Int32Array[], signal?: AbortSignal): Promise<number[]> {
  const mask = maskOf(model);
  const asked = texts.map((ids) =>
    scoredWindows(partsOf(ids, model), ids.length, model.context - 2, () => false).flatMap(({ from, to, parts }) => {
      const own = parts.map((part) => ({ from: part.from - from, to: part.to - from }));
      return hiddenRows(ids.slice(from, to), own, mask, own.length);
    }),
  );
  const losses = await negativeLogLikelihoods(model, asked.flat(), signal);
  let at = 0;
  return asked.map((rows) => losses.slice(at, (at += rows.length)).reduce((total, each) => total + sum(each), 0));
}

/** Every token in the first window that holds it: of a later one, the second half. */
async function nextTokens(model: OpenedModel, texts: readonly Int32Array[], signal?: AbortSignal): Promise<number[]> {
  const size = model.context - 2;
  const step = Math.ceil(size / 2);
  const windows = texts.map((ids) =>
    Array.from({ length: 1 + Math.ceil(Math.max(0, ids.length - size) / step) }, (_, i) => ids.subarray(i * step, i * step + size)),
  );
  const losses = await nextTokenLosses(model, windows.flat(), signal);
  let at = 0;
  return windows.map((own) =>
    losses.slice(at, (at += own.length)).reduce((total, each, i) => total + sum(i === 0 ? each : each.subarray(size - step)), 0),
  );
}

/**
 * Tokens that make up a word each, at most half of what the model reads at once. What the tokenizer does not know is a word: a sentence must not be likelier
 * for it.
 */
function partsOf(ids: Int32Array, { tokenizer, context }: OpenedModel): { from: number; to: number }[] {
  const most = Math.max(1, Math.floor((context - 2) / 2));
  const words: { from: number; to: number }[] = [];
  ids.forEach((id, i) => {
    const last = words.at(-1);
    if (last && i - last.from < most && !tokenizer.startsWord(id) && !tokenizer.isSpecial(id)) last.to = i + 1;
    else words.push({ from: i, to: i + 1 });
  });
  return words;
}

const sum = (values: Float32Array): number => values.reduce((a, b) => a + b, 0);
