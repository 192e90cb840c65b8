import { allOf, type Statistic } from './statistics';

/** Pearson's correlation of two lists; 0 where one of them does not vary, since it then says nothing of the other. */
export function pearsonOf(a: ArrayLike<number>, b: ArrayLike<number>): Statistic {
  return (indices) => {
    const n = indices.length;
    let [meanA, meanB] = [0, 0];
    for (const i of indices) {
      meanA += a[i]! / n;
      meanB += b[i]! / n;
    }
    let [ab, aa, bb] = [0, 0, 0];
    for (const i of indices) {
      const [x, y] = [a[i]! - meanA, b[i]! - meanB];
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
  };
}

/** Spearman's correlation: Pearson's of the ranks, those of a resample being its own. Equal values share the mean of their ranks. */
export function spearmanOf(a: ArrayLike<number>, b: ArrayLike<number>): Statistic {
  const [levelsA, levelsB] = [levelsOf(a), levelsOf(b)];
  const all = allOf(a.length);
  return (indices) => pearsonOf(ranksOf(levelsA, indices), ranksOf(levelsB, indices))(all);
}

export const pearson = (a: ArrayLike<number>, b: ArrayLike<number>): number => pearsonOf(a, b)(allOf(a.length));
export const spearman = (a: ArrayLike<number>, b: ArrayLike<number>): number => spearmanOf(a, b)(allOf(a.length));

/** Ranks from 1, the smallest first; equal values share the mean of theirs. */
export const ranks = (values: ArrayLike<number>): Float64Array => ranksOf(levelsOf(values), allOf(values.length));

interface Levels {
  /** For each value the number of different values below it. */
  readonly of: Int32Array;
  readonly count: number;
}

function levelsOf(values: ArrayLike<number>): Levels {
  const different = Float64Array.from(new Set(Array.from(values))).sort();
  const places = new Map(Array.from(different, (value, place) => [value, place]));
  return { of: Int32Array.from(values, (value) => places.get(value)!), count: different.length };
}

/** By counting, since sorting every resample would take most of a bootstrap's time. */
function ranksOf(levels: Levels, indices: Int32Array): Float64Array {
  const [counts, rank] = [new Int32Array(levels.count), new Float64Array(levels.count)];
  for (const i of indices) counts[levels.of[i]!]!++;
  let below = 0;
  for (let level = 0; level < levels.count; level++) {
    rank[level] = below + (counts[level]! + 1) / 2;
    below += counts[level]!;
  }
  const own = new Float64Array(indices.length);
  for (let i = 0; i < own.length; i++) own[i] = rank[levels.of[indices[i]!]!]!;
  return own;
}
