import type { Value } from '../onnx/graph';
import * as ops from '../onnx/ops';

/** Share of the elements of a bool tensor that are true. */
export const shareOf = (condition: Value): Value => ops.reduceMean(ops.cast(condition, 'float32'));

/** Share of the rows of logits [N, C] whose largest is the label's, int64 [N]. */
export const accuracyOf = (logits: Value, labels: Value): Value => shareOf(ops.equal(ops.argMax(logits, -1), labels));

/** Weights that add up to 1, unless all are zero. */
export function normalised(weights: Float64Array): Float64Array {
  const sum = weights.reduce((a, b) => a + b, 0);
  return sum > 0 ? weights.map((each) => each / sum) : weights;
}
