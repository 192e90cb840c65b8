import * as ops from '../ops';
import type { Value } from '../graph';
import { normaliseAxis, sameShape, type Type } from '../types';
import { dtypeOf, operator, ShapeMismatch } from './operator';

function lastAxis(x: Value, axis: number): number {
  const along = normaliseAxis(axis, x.rank);
  if (along !== x.rank - 1) throw new ShapeMismatch('only the last axis is normalised');
  return along;
}

function perFeature(x: Value, ...parameters: (Value | undefined)[]): void {
  for (const parameter of parameters) {
    if (parameter && !sameShape(parameter.shape, x.shape.slice(-1)))
      throw new ShapeMismatch('scale and bias have one value for each feature');
  }
}

/** Sums over all axes but the last: the gradient of a per-feature parameter. */
const overRows = (g: Value): Value => ops.sumTo(g, g.shape.slice(-1));
const meanOfLast = (x: Value): Value => ops.reduceMean(x, { axes: [-1], keepdims: 1 });

export const normalise = {
  Softmax: operator<{ axis: number }>({
    infer: ([x], { axis }) => {
      normaliseAxis(axis, x!.rank);
      return [x!];
    },
    gradient: ({ outputs: [y], attributes: { axis } }, [g]) => {
      if (!y || !g) return [];
      const flow = ops.mul(g, y);
      return [ops.sub(flow, ops.mul(y, ops.reduceSum(flow, { axes: [axis], keepdims: 1 })))];
    },
  }),

  LogSoftmax: operator<{ axis: number }>({
    infer: ([x], { axis }) => {
      normaliseAxis(axis, x!.rank);
      return [x!];
    },
    gradient: ({ outputs: [y], attributes: { axis } }, [g]) =>
      y && g ? [ops.sub(g, ops.mul(ops.exp(y), ops.reduceSum(g, { axes: [axis], keepdims: 1 })))] : [],
  }),

  /** Ba et al., 2016 (arXiv 1607.06450). Outputs Y, and the mean and inverse standard deviation of each row, which the gradient reuses. */
  LayerNormalization: operator<{ axis: number; epsilon: number }>({
    infer: (inputs, { axis }) => {
      const [x, scale, bias] = inputs as [Value, Value, Value | undefined];
      lastAxis(x, axis);
      perFeature(x, scale, bias);
      dtypeOf(inputs);
      // ONNX computes the statistics in single precision whatever the input's.
      const statistics: Type = { dtype: 'float32', shape: [...x.shape.slice(0, -1), 1] };
      return [x, statistics, statistics];
    },
    gradient: ({ inputs: [x, scale, bias], outputs: [, mean, inverse] }, [g, gMean, gInverse]) => {
      if (gMean ?? gInverse) throw new ShapeMismatch('no gradient flows through the statistics');
      if (!x || !scale || !mean || !inverse || !g) return [];
      const [centre, spread] = [ops.cast(mean, x.dtype), ops.cast(inverse, x.dtype)];
      const normalised = ops.mul(ops.sub(x, centre), spread);
      const weighted = ops.mul(g, scale);
      const centred = ops.sub(ops.sub(weighted, meanOfLast(weighted)), ops.mul(normalised, meanOfLast(ops.mul(weighted, normalised))));
      const parameters = [overRows(ops.mul(g, normalised)), ...(bias ? [overRows(g)] : [])];
      return [ops.mul(centred, spread), ...parameters];
    },
    lower: (inputs, { epsilon }) => {
      const [x, scale, bias] = inputs as [Value, Value, Value | undefined];
      const mean = meanOfLast(x);
      const centred = ops.sub(x, mean);
      const inverse = ops.reciprocal(ops.sqrt(ops.add(meanOfLast(ops.mul(centred, centred)), epsilon)));
      const scaled = ops.mul(ops.mul(centred, inverse), scale);
      return [bias ? ops.add(scaled, bias) : scaled, ops.cast(mean, 'float32'), ops.cast(inverse, 'float32')];
    },
    lowered: 'cpu',
  }),

  /** Zhang & Sennrich, 2019 (arXiv 1910.07467): x / √(mean(x²) + ε) · scale. */
  RMSNormalization: operator<{ axis: number; epsilon: number }>({
    infer: (inputs, { axis }) => {
      const [x, scale] = inputs as [Value, Value];
      dtypeOf(inputs);
      lastAxis(x, axis);
      perFeature(x, scale);
      return [x];
    },
    gradient: ({ inputs: [x, scale], attributes: { epsilon } }, [g]) => {
      if (!x || !scale || !g) return [];
      const inverse = inverseRms(x, epsilon);
      const normalised = ops.mul(x, inverse);
      const weighted = ops.mul(g, scale);
      const flow = ops.sub(weighted, ops.mul(normalised, meanOfLast(ops.mul(weighted, normalised))));
      return [ops.mul(flow, inverse), overRows(ops.mul(g, normalised))];
    },
    lower: ([x, scale], { epsilon }) => [ops.mul(ops.mul(x!, inverseRms(x!, epsilon)), scale!)],
    lowered: 'everywhere',
  }),

  /** x / max(‖x‖₂, ε) along an axis, as PyTorch's `F.normalize`: what turns dot products into cosines. */
  L2Normalize: operator<{ axis: number; epsilon: number }>({
    infer: ([x], { axis }) => {
      normaliseAxis(axis, x!.rank);
      return [x!];
    },
    gradient: ({ inputs: [x], outputs: [y], attributes: { axis, epsilon } }, [g]) => {
      if (!x || !y || !g) return [];
      const norm = l2Norm(x, axis);
      const along = ops.reduceSum(ops.mul(g, y), { axes: [axis], keepdims: 1 });
      // A vector shorter than ε is divided by a constant, which takes nothing from the direction along it.
      const flow = ops.sub(g, ops.mul(y, ops.where(ops.less(norm, epsilon), ops.like(g, 0), along)));
      return [ops.div(flow, ops.max(norm, epsilon))];
    },
    lower: ([x], { axis, epsilon }) => [ops.div(x!, ops.max(l2Norm(x!, axis), epsilon))],
    lowered: 'everywhere',
  }),

  /**
   * −log softmax(logits)[label], one loss a row: logits [N, V], labels int64 [N] → [N]. A row of its own because the gradient that would be composed
   * from LogSoftmax and GatherElements passes over [N, V] seven times, and softmax − one-hot only four.
   */
  CrossEntropy: operator<Record<string, never>>({
    infer: ([logits, labels]) => {
      if (logits!.rank !== 2 || labels!.dtype !== 'int64' || !sameShape(labels!.shape, logits!.shape.slice(0, 1))) {
        throw new ShapeMismatch('it takes logits [N, V] and int64 labels [N]');
      }
      return [{ dtype: logits!.dtype, shape: labels!.shape }];
    },
    gradient: ({ inputs: [logits, labels] }, [g]) => {
      if (!logits || !labels || !g) return [];
      const column = asColumn(g);
      return [ops.scatterElements(ops.mul(ops.softmax(logits, -1), column), asColumn(labels), ops.neg(column), 1, 'add')];
    },
    // log Σ exp of a row from its softmax, which the gradient needs too: the largest logit minus the log of the largest probability, at least 1/V.
    lower: ([logits, labels]) => {
      const largest = ops.sub(ops.reduceMax(logits!, { axes: [1] }), ops.log(ops.reduceMax(ops.softmax(logits!, -1), { axes: [1] })));
      return [ops.sub(largest, ops.reshape(ops.gatherElements(logits!, asColumn(labels!), 1), labels!.shape))];
    },
    lowered: 'everywhere',
  }),
};

const asColumn = (vector: Value): Value => ops.reshape(vector, [vector.shape[0]!, 1]);

const inverseRms = (x: Value, epsilon: number): Value => ops.reciprocal(ops.sqrt(ops.add(meanOfLast(ops.mul(x, x)), epsilon)));

const l2Norm = (x: Value, axis: number): Value => ops.reduceL2(x, { axes: [axis], keepdims: 1 });
