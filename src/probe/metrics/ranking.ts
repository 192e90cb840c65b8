/** A document that answers a query: its place in the ranking, from 1, and how relevant it is. */
export interface Ranked {
  readonly rank: number;
  readonly gain: number;
}

/**
 * The places of a query's relevant documents. Among documents with one score the less relevant stand first, so that a model that tells nothing apart
 * gains nothing by it.
 *
 * @param scores of all documents
 * @param gains of those that are relevant, above 0
 */
export function rankRelevant(scores: ArrayLike<number>, gains: ReadonlyMap<number, number>): Ranked[] {
  const relevant = [...gains].map(([document, gain]) => ({ document, gain, score: scores[document]!, rank: 1 }));
  for (let other = 0; other < scores.length; other++) {
    const [score, gain] = [scores[other]!, gains.get(other) ?? 0];
    for (const each of relevant) {
      if (score > each.score || (score === each.score && (gain < each.gain || (gain === each.gain && other < each.document)))) each.rank++;
    }
  }
  return relevant;
}

/** 1 over the place of the first relevant document, 0 when none is among the first `k`. */
export const reciprocalRank = (relevant: readonly Ranked[], k: number): number => {
  const first = Math.min(...relevant.map(({ rank }) => rank));
  return first <= k ? 1 / first : 0;
};

/** Share of the relevant documents that are among the first `k`. */
export const recall = (relevant: readonly Ranked[], k: number): number => relevant.filter(({ rank }) => rank <= k).length / relevant.length;

/**
 * Normalised discounted cumulative gain at `k` (Järvelin & Kekäläinen, 2002) with the relevance itself as gain and log₂(rank + 1) as discount, as
 * trec_eval and BEIR compute it: 1 for an order that none is better than.
 */
export function ndcg(relevant: readonly Ranked[], k: number): number {
  const found = relevant.reduce((sum, { rank, gain }) => sum + (rank <= k ? gain * discount(rank) : 0), 0);
  return found / idealGain(relevant, k);
}

/** What {@link ndcg} is on average over all orders of so many documents. */
export function randomNdcg(relevant: readonly Ranked[], documents: number, k: number): number {
  const gain = relevant.reduce((sum, each) => sum + each.gain, 0) / documents;
  let discounts = 0;
  for (let rank = 1; rank <= Math.min(k, documents); rank++) discounts += discount(rank);
  return (gain * discounts) / idealGain(relevant, k);
}

const discount = (rank: number): number => 1 / Math.log2(rank + 1);

const idealGain = (relevant: readonly Ranked[], k: number): number =>
  relevant
    .map(({ gain }) => gain)
    .sort((a, b) => b - a)
    .slice(0, k)
    .reduce((sum, gain, i) => sum + gain * discount(i + 1), 0);
