import type { Statistic } from '../statistics';
import { countCommon, countNgrams, splitAtSpace, sumRows } from './ngrams';

const ORDER = 6;
/** Recall counts so many times as much as precision. */
const BETA = 2;

/**
 * chrF of a corpus, 0 to 100 (Popović, 2015), with one reference a text: sacrebleu's numbers by default, that is character n-grams up to 6 without white
 * space, orders that neither side has being left out.
 */
export function chrfOf(hypotheses: readonly string[], references: readonly string[]): Statistic {
  const rows = hypotheses.map((hypothesis, i) => countsOf(charactersOf(hypothesis), charactersOf(references[i]!)));
  return (indices) => fromCounts(sumRows(rows, indices));
}

const charactersOf = (text: string): string[] => Array.from(splitAtSpace(text).join(''));

/** By order: n-grams of the hypothesis and of the reference, and matches. */
function countsOf(hypothesis: readonly string[], reference: readonly string[]): Float64Array {
  const counts: number[] = [];
  for (let n = 1; n <= ORDER; n++) {
    const [written, wanted] = [Math.max(0, hypothesis.length - n + 1), Math.max(0, reference.length - n + 1)];
    // A reference that is shorter than the order cannot be matched, and is not held against the hypothesis.
    counts.push(wanted > 0 ? written : 0, wanted, countCommon(countNgrams(hypothesis, n), countNgrams(reference, n)));
  }
  return Float64Array.from(counts);
}

function fromCounts(counts: Float64Array): number {
  let [precision, recall, orders] = [0, 0, 0];
  for (let n = 0; n < ORDER; n++) {
    const [written, wanted, matches] = [counts[3 * n]!, counts[3 * n + 1]!, counts[3 * n + 2]!];
    if (written === 0 || wanted === 0) continue;
    precision += matches / written;
    recall += matches / wanted;
    orders++;
  }
  if (precision + recall === 0) return 0;
  return (100 * (1 + BETA ** 2) * precision * recall) / orders / (BETA ** 2 * precision + recall);
}
