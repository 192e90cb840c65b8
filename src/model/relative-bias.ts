import { scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { variantOf, type ModelConfig } from './config';
import { RELATIVE_BIAS, type Parameters } from './parameters';

/** Distances from here on share a bucket. */
const FARTHEST = 128;

/**
 * The bucket of a distance from a query to a key, in tokens: half of the buckets for each direction, of those half for single distances and half for
 * ranges that widen logarithmically (Raffel et al., 2020, arXiv 1910.10683, appendix; transformers' `MPNetEncoder.relative_position_bucket`).
 */
export function relativeBucket(distance: number, buckets: number): number {
  const half = buckets / 2;
  const exact = half / 2;
  const n = Math.abs(distance);
  const direction = distance > 0 ? half : 0;
  if (n < exact) return direction + n;
  // In single precision, as there: at the edges of buckets the rounding decides.
  const position = Math.fround(Math.fround(Math.log(n / exact)) / Math.log(FARTHEST / exact));
  return direction + Math.min(half - 1, exact + Math.floor(Math.fround(position * (half - exact))));
}

/** The bias of each pair of positions [T, N, T] (query, head, key), where the model has one. */
function pairs(config: ModelConfig, parameters: Parameters, length: number): Value | undefined {
  const { relativeBuckets } = variantOf(config);
  if (relativeBuckets === 0) return undefined;
  const places = [...Array(length).keys()];
  const buckets = places.flatMap((query) => places.map((key) => relativeBucket(key - query, relativeBuckets)));
  const bias_TTN = ops.gather(parameters(`${RELATIVE_BIAS}.weight`), ops.constant(tensor('int64', [length, length], buckets)));
  return ops.transpose(bias_TTN, [0, 2, 1]);
}

/** What all layers add to the scores of attention over `length` positions, [1, N, T, T]; nothing where the model has no such bias. */
export function relativeBias(config: ModelConfig, parameters: Parameters, length: number): Value | undefined {
  return scope('relative', () => {
    const bias_TNT = pairs(config, parameters, length);
    return bias_TNT && ops.reshape(ops.transpose(bias_TNT, [1, 0, 2]), [1, config.attentionHeads, length, length]);
  });
}

/** The rows of {@link relativeBias} for queries at `positions` int64 [B, S] of `length`: [B, N, S, T]. */
export function relativeBiasAt(config: ModelConfig, parameters: Parameters, length: number, positions: Value): Value | undefined {
  return scope('relative', () => {
    const bias_TNT = pairs(config, parameters, length);
    return bias_TNT && ops.transpose(ops.gather(bias_TNT, positions), [0, 2, 1, 3]);
  });
}
