import type { Statistic } from '../statistics';
import { countCommon, countNgrams, splitAtSpace, sumRows, trimSpaceAtEnd } from './ngrams';

const ORDER = 4;

/**
 * BLEU of a corpus, 0 to 100 (Papineni et al., 2002), with one reference a text: sacrebleu's numbers by default (Post, 2018, arXiv 1804.08771), that is
 * mteval-v13a's tokens, 4-grams, and its exponential smoothing of orders without a match.
 */
export function bleuOf(hypotheses: readonly string[], references: readonly string[]): Statistic {
  const rows = hypotheses.map((hypothesis, i) => countsOf(tokenize13a(hypothesis), tokenize13a(references[i]!)));
  return (indices) => fromCounts(sumRows(rows, indices));
}

/** Tokens of both, then matches and n-grams of the hypothesis by order. */
function countsOf(hypothesis: readonly string[], reference: readonly string[]): Float64Array {
  const counts = [hypothesis.length, reference.length];
  for (let n = 1; n <= ORDER; n++) {
    counts.push(countCommon(countNgrams(hypothesis, n), countNgrams(reference, n)), Math.max(0, hypothesis.length - n + 1));
  }
  return Float64Array.from(counts);
}

function fromCounts(counts: Float64Array): number {
  const [length, wanted, words] = [counts[0]!, counts[1]!, counts[2]!];
  if (words === 0) return 0;
  let [smoothing, logs] = [1, 0];
  for (let n = 0; n < ORDER; n++) {
    const [matches, all] = [counts[2 + 2 * n]!, counts[3 + 2 * n]!];
    if (all === 0) return 0;
    if (matches === 0) smoothing *= 2;
    logs += Math.log(matches === 0 ? 1 / (smoothing * all) : matches / all);
  }
  return 100 * Math.exp(Math.min(0, 1 - wanted / length) + logs / ORDER);
}

const ENTITIES = [
  ['&quot;', '"'],
  ['&amp;', '&'],
  ['&lt;', '<'],
  ['&gt;', '>'],
] as const;

/** Tokens as mteval-v13a.pl makes them, which BLEU is measured on since WMT's beginnings. */
export function tokenize13a(text: string): string[] {
  const line = trimSpaceAtEnd(text).replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ');
  const plain = ENTITIES.reduce((rest, [entity, character]) => rest.replaceAll(entity, character), ` ${line} `);
  return splitAtSpace(
    plain
      .replace(/([{-~[-` -&(-+:-@/])/gu, ' $1 ')
      // Full stops and commas stand alone, but for those inside of numbers.
      .replace(/([^0-9])([.,])/gu, '$1 $2 ')
      .replace(/([.,])([^0-9])/gu, ' $1 $2')
      .replace(/([0-9])(-)/gu, '$1 $2 '),
  );
}
