import { hash32, permute, uniform } from '../shared/random';

/** A text as the encoder reads it, and what the decoder must write; content tokens without [CLS] and [SEP]. */
export interface Denoising {
  readonly source: Int32Array;
  readonly target: Int32Array;
}

/** Draws of different kinds are made with different numbers. */
const DRAW = { noise: 40, text: 41, length: 42, place: 43, keep: 44, order: 45 } as const;

/**
 * T5's span corruption (Raffel et al., 2020, arXiv 1910.10683, section 3.1.4): `rate` of the tokens, in spans of `meanSpan` on average, become one
 * sentinel each; the target lists the spans, each after its sentinel. As in T5's own code the text begins with a part that stays.
 *
 * @param sentinels ids of <extra_id_0>, <extra_id_1>, …; there are never more spans than these
 */
export function corruptSpans(
  ids: Int32Array,
  { rate, meanSpan }: { rate: number; meanSpan: number },
  sentinels: readonly number[],
  key: number,
): Denoising {
  const noise = Math.min(Math.max(1, Math.round(ids.length * rate)), ids.length - 1);
  if (noise < 1) return { source: ids, target: Int32Array.of() };
  const kept = ids.length - noise;
  const count = Math.max(1, Math.min(Math.round(noise / meanSpan), noise, kept, sentinels.length));
  const [hidden, shown] = [partition(noise, count, hash32(key, DRAW.noise)), partition(kept, count, hash32(key, DRAW.text))];
  const source: number[] = [];
  const target: number[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    source.push(...ids.subarray(at, (at += shown[i]!)), sentinels[i]!);
    target.push(sentinels[i]!, ...ids.subarray(at, (at += hidden[i]!)));
  }
  return { source: Int32Array.from(source), target: Int32Array.from(target) };
}

/** `total` as a random sum of `parts` numbers of at least 1, all sums alike. */
function partition(total: number, parts: number, key: number): number[] {
  const cuts = Array.from({ length: parts - 1 }, (_, i) => permute(i, total - 1, key) + 1).sort((a, b) => a - b);
  return [...cuts, total].map((cut, i) => cut - (cuts[i - 1] ?? 0));
}

/**
 * BART's text infilling (Lewis et al., 2020, arXiv 1910.13461): spans of Poisson length, `rate` of the tokens in all, become one [MASK] each; a span
 * of length 0 is a [MASK] that stands for nothing. Spans do not touch, for two masks in a row would be one: where a high rate leaves too few tokens
 * between them, the last one is longer. The target is the text as it was.
 */
export function infill(ids: Int32Array, { rate, meanSpan }: { rate: number; meanSpan: number }, mask: number, key: number): Denoising {
  const wanted = Math.round(rate * ids.length);
  /** Places for a span: before, between and after the tokens that stay. */
  const gaps = ids.length - wanted + 1;
  const spans: number[] = [];
  for (let hidden = 0, draw = 0; hidden < wanted; draw++) {
    const length = spans.length < gaps ? Math.min(poisson(meanSpan, hash32(key, DRAW.length, draw)), wanted - hidden) : wanted - hidden;
    if (spans.length < gaps) spans.push(length);
    else spans[gaps - 1]! += length;
    hidden += length;
  }
  const lengths = new Map(spans.map((length, i) => [permute(i, gaps, hash32(key, DRAW.place)), length]));
  const source: number[] = [];
  for (let gap = 0, at = 0; gap < gaps; gap++) {
    const length = lengths.get(gap);
    if (length !== undefined) source.push(mask);
    at += length ?? 0;
    if (gap < gaps - 1) source.push(ids[at++]!);
  }
  return { source: Int32Array.from(source), target: ids };
}

/** A Poisson number by multiplying uniform ones (Knuth). */
function poisson(mean: number, key: number): number {
  const limit = Math.exp(-mean);
  let product = uniform(key, 0);
  let count = 0;
  while (product > limit) product *= uniform(key, ++count);
  return count;
}

/** Token deletion (BART; with `rate` 0.6 the corruption of TSDAE, Wang et al., 2021, arXiv 2104.06979): what is left, at least one token, keeps its order. */
export function deleteTokens(ids: Int32Array, rate: number, key: number): Denoising {
  const kept = ids.filter((_, i) => uniform(key, DRAW.keep, i) >= rate);
  const source = kept.length > 0 || ids.length === 0 ? kept : ids.slice(hash32(key, DRAW.place) % ids.length).subarray(0, 1);
  return { source, target: ids };
}

/** Sentence permutation (BART): the sentences of a text in random order, and the text as it was. */
export function shuffleSentences(sentences: readonly Int32Array[], key: number): Denoising {
  const order = sentences.map((_, i) => permute(i, sentences.length, hash32(key, DRAW.order)));
  return { source: joined(order.map((i) => sentences[i]!)), target: joined(sentences) };
}

export function joined(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
