import * as ops from '../ops';
import type { Value } from '../graph';
import { normaliseAxes, normaliseAxis, size, type Shape, type Type } from '../types';
import { operator, ShapeMismatch, type Operator } from './operator';

export interface Reduction extends Record<string, number | readonly number[] | undefined> {
  /** All axes when absent. */
  readonly axes?: readonly number[];
  /** 1 keeps reduced axes with size 1, ONNX's default. */
  readonly keepdims?: number;
}

/** The input's shape with the reduced axes of size 1: the shape in which results broadcast against the input. */
export function keptShape({ shape }: Type, axes: readonly number[] | undefined): Shape {
  const reduced = new Set(normaliseAxes(axes, shape.length));
  return shape.map((extent, axis) => (reduced.has(axis) ? 1 : extent));
}

function reducedShape(x: Type, { axes, keepdims = 1 }: Reduction): Shape {
  if (axes?.length === 0 && x.shape.length > 0) throw new ShapeMismatch('without axes ONNX reduces all of them');
  if (keepdims) return keptShape(x, axes);
  const reduced = new Set(normaliseAxes(axes, x.shape.length));
  return x.shape.filter((_, axis) => !reduced.has(axis));
}

/** @param gradient given input, result and upstream, the latter two in the kept shape; may broadcast to the input's */
const reduction = (gradient: (x: Value, y: Value, g: Value, count: number) => Value): Operator<Reduction> =>
  operator<Reduction>({
    infer: ([x], attributes) => [{ dtype: x!.dtype, shape: reducedShape(x!, attributes) }],
    gradient: ({ inputs: [x], outputs: [y], attributes }, [g]) => {
      if (!x || !y || !g) return [];
      const kept = keptShape(x, attributes.axes);
      const part = gradient(x, ops.reshape(y, kept), ops.reshape(g, kept), size(x.shape) / size(kept));
      return [ops.expand(part, x.shape)];
    },
    operands: { axes: 'int64' },
  });

/** The gradient of Max and Min goes to the extreme elements, shared evenly between equal ones (PyTorch's `amax`). */
const extreme = (axes: readonly number[] | undefined, x: Value, y: Value, g: Value): Value => {
  const hit = ops.cast(ops.equal(x, y), g.dtype);
  return ops.mul(ops.div(g, ops.reduceSum(hit, { axes, keepdims: 1 })), hit);
};

const extremeReduction = (): Operator<Reduction> =>
  operator<Reduction>({
    infer: ([x], attributes) => {
      if (normaliseAxes(attributes.axes, x!.rank).some((axis) => x!.shape[axis] === 0))
        throw new ShapeMismatch('an empty axis has no extreme');
      return [{ dtype: x!.dtype, shape: reducedShape(x!, attributes) }];
    },
    gradient: ({ inputs: [x], outputs: [y], attributes: { axes } }, [g]) => {
      if (!x || !y || !g) return [];
      const kept = keptShape(x, axes);
      return [extreme(axes, x, ops.reshape(y, kept), ops.reshape(g, kept))];
    },
    operands: { axes: 'int64' },
  });

export const reduce = {
  ReduceSum: reduction((_, __, g) => g),
  ReduceMean: reduction((_, __, g, count) => ops.mul(g, 1 / count)),
  ReduceSumSquare: reduction((x, _, g) => ops.mul(x, ops.mul(g, 2))),
  // A zero vector has gradient zero, PyTorch's choice among the subgradients.
  ReduceL2: reduction((x, y, g) => ops.mul(x, ops.div(g, ops.where(ops.equal(y, 0), ops.like(y, 1), y)))),
  ReduceLogSumExp: reduction((x, y, g) => ops.mul(g, ops.exp(ops.sub(x, y)))),
  ReduceMax: extremeReduction(),
  ReduceMin: extremeReduction(),

  ArgMax: operator<{ axis: number; keepdims: number }>({
    infer: ([x], { axis, keepdims }) => {
      if (x!.shape[normaliseAxis(axis, x!.rank)] === 0) throw new ShapeMismatch('an empty axis has no largest element');
      return [{ dtype: 'int64', shape: reducedShape(x!, { axes: [axis], keepdims }) }];
    },
    gradient: null,
  }),

  CumSum: operator<{ axis: number; exclusive: number; reverse: number }>({
    infer: ([x], { axis }) => {
      normaliseAxis(axis, x!.rank);
      return [x!];
    },
    gradient: ({ attributes: { axis, exclusive, reverse } }, [g]) => [g && ops.cumSum(g, axis, { exclusive, reverse: 1 - reverse })],
    operands: { axis: 'int64 scalar' },
  }),
};
