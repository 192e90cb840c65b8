import { inFloat32, scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { shareOf } from './scoring';

/** Score of what is no candidate: vanishes in the softmax. */
const EXCLUDED = -1e9;

/** What the losses over embeddings have in common. */
export interface SimilarityOptions {
  /** 1/temperature: a number, or a scalar that is learned. */
  readonly scale: Value | number;
  /** Further negatives [K, H], the same for all; rows of zeros are places that are not filled yet. */
  readonly queue?: Value | undefined;
}

/**
 * The losses of NT-Xent, the normalised temperature-scaled cross-entropy (Chen et al., 2020, arXiv 2002.05709, eq. 1): each of the 2N views must pick its partner
 * among the 2N − 1 others, 2N − 2 of them negatives.
 *
 * @param views [2N, H], unit vectors for cosine similarity; view i and view i + N are of the same text
 * @returns [2N]
 */
export function ntXent(views: Value, { scale, queue }: SimilarityOptions): Value {
  return scope('nt-xent', () => {
    const count = views.shape[0]!;
    const scores = ops.add(similarities(views, views, scale), excludeItself(views));
    return ops.crossEntropy(withQueue(scores, views, { scale, queue }), partners(count));
  });
}

/**
 * The losses of InfoNCE (van den Oord et al., 2018, arXiv 1807.03748) with in-batch negatives, also called multiple negatives ranking (Henderson et al., 2017, arXiv
 * 1705.00652): each anchor must pick its own positive among all positives of the batch, all hard negatives, and the queue.
 *
 * @param anchors [N, H]
 * @param positives [N, H]
 * @param negatives [N, H] of triplets
 * @returns [N]
 */
export function infoNce(anchors: Value, positives: Value, { scale, queue }: SimilarityOptions, negatives?: Value): Value {
  return scope('info-nce', () => {
    const scores = similarities(anchors, negatives ? ops.concat([positives, negatives], 0) : positives, scale);
    return ops.crossEntropy(withQueue(scores, anchors, { scale, queue }), ordinals(anchors.shape[0]!));
  });
}

/**
 * CoSENT (Su, 2022, kexue.fm/archives/8847): of every two pairs the one with the higher score should be the more similar one,
 * log(1 + Σ exp((cos_j − cos_i)/temperature)) over all i, j with score_i > score_j.
 *
 * @param first [N, H]
 * @param second [N, H]
 * @param scores float32 [N], higher for more alike
 */
export function cosent(first: Value, second: Value, scores: Value, scale: Value | number): Value {
  return scope('cosent', () => {
    const { difference, ordered } = comparePairs(first, second, scores);
    const terms = ops.where(ordered, ops.mul(difference, scale), ops.like(difference, EXCLUDED));
    const count = scores.shape[0]!;
    const all = ops.concat([ops.vector(difference.dtype, [0]), ops.reshape(terms, [count * count])], 0);
    return ops.reduceLogSumExp(all);
  });
}

/** Share of the pairs of pairs that the similarities put in the order of the scores. */
export function orderedShare(first: Value, second: Value, scores: Value): Value {
  const { difference, ordered } = comparePairs(first, second, scores);
  const right = ops.cast(ops.and(ordered, ops.less(difference, 0)), 'float32');
  return ops.div(ops.reduceSum(right), ops.max(ops.reduceSum(ops.cast(ordered, 'float32')), 1));
}

/** cos_j − cos_i [N, N] with i down and j across, and where score_i > score_j. */
function comparePairs(first: Value, second: Value, scores: Value): { difference: Value; ordered: Value } {
  const count = scores.shape[0]!;
  const cosines = ops.reduceSum(ops.mul(first, second), { axes: [1] });
  const [column, row] = [
    [count, 1],
    [1, count],
  ];
  const difference = ops.sub(ops.reshape(cosines, row), ops.reshape(cosines, column));
  return { difference, ordered: ops.greater(ops.reshape(scores, column), ops.reshape(scores, row)) };
}

/** Share of the 2N views whose most similar other view is their partner. */
export function retrievalAmongViews(views: Value): Value {
  const scores = ops.add(similarities(views, views, 1), excludeItself(views));
  return shareOf(ops.equal(ops.argMax(scores, 1), partners(views.shape[0]!)));
}

/** Share of the anchors [N, H] whose most similar candidate [M, H] is their own: the first N candidates are the anchors' in order. */
export function retrievalAmongCandidates(anchors: Value, candidates: Value): Value {
  return shareOf(ops.equal(ops.argMax(similarities(anchors, candidates, 1), 1), ordinals(anchors.shape[0]!)));
}

/**
 * Alignment E‖x − y‖² of positives and uniformity log E exp(−2‖x − y‖²) over distinct texts (Wang & Isola, 2020, arXiv 2005.10242), of unit vectors
 * [N, H] each. Both are better when lower.
 */
export function alignmentAndUniformity(first: Value, second: Value): { alignment: Value; uniformity: Value } {
  const count = first.shape[0]!;
  const alignment = ops.mul(ops.reduceSumSquare(ops.sub(first, second)), 1 / count);
  // ‖x − y‖² = 2 − 2 x·y on the sphere; each unordered pair of distinct texts once.
  const pairs = tensor(
    first.dtype,
    [count, count],
    Array.from({ length: count ** 2 }, (_, i) => (i % count > Math.floor(i / count) ? 1 : 0)),
  );
  const closeness = ops.mul(ops.exp(ops.sub(ops.mul(similarities(first, first, 1), 4), 4)), ops.constant(pairs));
  const uniformity = ops.log(ops.mul(ops.reduceSum(closeness), 2 / (count * (count - 1))));
  return { alignment, uniformity };
}

/** scale · A·Bᵀ. In float32: a scale of 20 makes of bfloat16's 1/256 more than losses bear, and beside the encoder the products are small. */
const similarities = (a: Value, b: Value, scale: Value | number): Value =>
  ops.mul(
    inFloat32(() => ops.gemm(a, b, undefined, { transB: 1 })),
    scale,
  );

/** The scores [N, M] of anchors [N, H], and beside them those of what a queue remembers. */
function withQueue(scores: Value, anchors: Value, { scale, queue }: SimilarityOptions): Value {
  if (!queue) return scores;
  const squares = ops.reduceSumSquare(queue, { axes: [1] });
  const filled = ops.where(ops.greater(squares, 0), ops.like(queue, 0), ops.like(queue, EXCLUDED));
  return ops.concat([scores, ops.add(similarities(anchors, queue, scale), ops.reshape(filled, [1, -1]))], 1);
}

const excludeItself = ({ shape: [count], dtype }: Value): Value =>
  ops.constant(
    tensor(
      dtype,
      [count!, count!],
      Array.from({ length: count! ** 2 }, (_, i) => (i % (count! + 1) ? 0 : EXCLUDED)),
    ),
  );

const ordinals = (count: number): Value =>
  ops.vector(
    'int64',
    Array.from({ length: count }, (_, i) => i),
  );

/** For each of 2N views the number of the other view of its text. */
const partners = (count: number): Value =>
  ops.vector(
    'int64',
    Array.from({ length: count }, (_, i) => (i + count / 2) % count),
  );
