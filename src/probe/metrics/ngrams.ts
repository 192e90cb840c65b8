/** White space as Python splits at it, which the reference implementations of BLEU and chrF do. */
const SPACE = '[\\p{White_Space}\\x1c-\\x1f]';
const [SPACES, SPACE_AT_END] = [new RegExp(`${SPACE}+`, 'u'), new RegExp(`(?<!${SPACE})${SPACE}+$`, 'u')];

export const splitAtSpace = (text: string): string[] => text.split(SPACES).filter((part) => part !== '');
export const trimSpaceAtEnd = (text: string): string => text.replace(SPACE_AT_END, '');

/** n-grams with how often each is there. @param units words or characters */
export function countNgrams(units: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= units.length; i++) {
    const ngram = units.slice(i, i + n).join(' ');
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

/** How many n-grams two texts have in common, each as often as in the one that has fewer. */
export function countCommon(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let common = 0;
  for (const [ngram, count] of a) common += Math.min(count, b.get(ngram) ?? 0);
  return common;
}

/** A row of counts for each example, summed over those that are asked for: BLEU and chrF are functions of a corpus's sums, not means over its texts. */
export function sumRows(rows: readonly Float64Array[], indices: Int32Array): Float64Array {
  const sums = new Float64Array(rows[0]?.length ?? 0);
  for (const index of indices) {
    const row = rows[index]!;
    for (let i = 0; i < sums.length; i++) sums[i]! += row[i]!;
  }
  return sums;
}
