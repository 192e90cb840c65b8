/** A text that was written, token by token. */
export interface Hypothesis {
  /** Without what it began with, and without the end. */
  readonly ids: readonly number[];
  /** Of its tokens and of its end, in nats. */
  readonly logProbability: number;
  /** By which hypotheses are ranked: the log-probability over length^penalty. */
  readonly score: number;
}

export interface SearchOptions {
  /** Hypotheses that are kept at a time; 1 is greedy search. */
  readonly beams: number;
  /** Most tokens that are written, the end among them. */
  readonly longest: number;
  /** The token that ends a text. */
  readonly end: number;
  /** Exponent of the length: 0 favours short texts, 1 weighs all lengths alike. */
  readonly lengthPenalty: number;
}

/**
 * For each hypothesis the log-probabilities of the tokens that may come next.
 *
 * @param parents which hypothesis of the time before each one continues
 * @param ids the token by which it does
 */
export type Next = (parents: readonly number[], ids: readonly number[]) => Promise<readonly Float32Array[]>;

interface Beam {
  readonly ids: readonly number[];
  readonly logProbability: number;
}

interface Candidate extends Beam {
  readonly parent: number;
  readonly id: number;
}

/**
 * Beam search as in machine translation (Sutskever et al., 2014, arXiv 1409.3215; length normalisation as in Wu et al., 2016, arXiv 1609.08144): the best
 * texts, best first. It ends when no text that goes on can overtake the worst of the finished ones, or at the longest.
 *
 * @param first log-probabilities [vocabulary] of the first token
 */
export async function beamSearch(
  first: Float32Array,
  next: Next,
  { beams, longest, end, lengthPenalty }: SearchOptions,
): Promise<Hypothesis[]> {
  const finished: Hypothesis[] = [];
  const finish = ({ ids, logProbability }: Beam, length: number): void => {
    finished.push({ ids, logProbability, score: logProbability / length ** lengthPenalty });
    finished.sort((a, b) => b.score - a.score).splice(beams);
  };
  let running: Beam[] = [{ ids: [], logProbability: 0 }];
  let scores: readonly Float32Array[] = [first];
  for (let length = 1; ; length++) {
    // Each hypothesis can end in one way alone, so twice as many hold enough that go on.
    const candidates = best(running, scores, 2 * beams);
    for (const candidate of candidates.slice(0, beams))
      if (candidate.id === end) finish({ ...candidate, ids: candidate.ids.slice(0, -1) }, length);
    const open = candidates.filter(({ id }) => id !== end).slice(0, beams);
    const leader = open[0];
    if (!leader || length === longest) {
      for (const each of open) finish(each, length);
      return finished;
    }
    // Greedy search takes the end as soon as it is the likeliest.
    if (finished.length === beams && (beams === 1 || leader.logProbability / length ** lengthPenalty <= finished.at(-1)!.score))
      return finished;
    running = open;
    // The device works on as many rows as there are beams; rows beyond the hypotheses repeat the first.
    const rows = Array.from({ length: beams }, (_, i) => open[i] ?? leader);
    scores = await next(
      rows.map(({ parent }) => parent),
      rows.map(({ id }) => id),
    );
  }
}

/** The likeliest continuations of some hypotheses, in order. */
const best = (running: readonly Beam[], scores: readonly Float32Array[], count: number): Candidate[] =>
  running
    .flatMap(({ ids, logProbability }, parent) =>
      largest(scores[parent]!, count).map((id) => ({
        ids: [...ids, id],
        logProbability: logProbability + scores[parent]![id]!,
        parent,
        id,
      })),
    )
    .sort((a, b) => b.logProbability - a.logProbability)
    .slice(0, count);

/** The places of the largest numbers, in order. */
function largest(values: Float32Array, count: number): number[] {
  const places: number[] = [];
  values.forEach((value, place) => {
    if (places.length === count && value <= values[places[count - 1]!]!) return;
    const at = places.findIndex((other) => values[other]! < value);
    places.splice(at < 0 ? places.length : at, 0, place);
    places.splice(count);
  });
  return places;
}
