import * as ops from '../ops';
import { axisFirst, inversePermutation, normaliseAxis, sameShape } from '../types';
import { dtypeOf, operator, ShapeMismatch } from './operator';
import type { Value } from '../graph';

type ScatterReduction = 'none' | 'add';

function integers(indices: Value | undefined): Value {
  if (indices?.dtype !== 'int64' && indices?.dtype !== 'int32') throw new ShapeMismatch('indices are int64 or int32');
  return indices;
}

function sameRank(x: Value, indices: Value): void {
  if (x.rank !== indices.rank) throw new ShapeMismatch('data and indices must have the same rank');
}

/** The shape of what GatherND reads and ScatterND writes: one slice of `data` for each index tuple. */
function tupleShape(data: Value, indices: Value): number[] {
  const depth = indices.shape.at(-1);
  if (depth === undefined || depth > data.rank) throw new ShapeMismatch('the last axis of the indices addresses leading axes of the data');
  return [...indices.shape.slice(0, -1), ...data.shape.slice(depth)];
}

export const indexing = {
  /** Rows (or slices along `axis`) by number: the embedding look-up. */
  Gather: operator<{ axis?: number }>({
    infer: ([x, indices], { axis = 0 }) => {
      const along = normaliseAxis(axis, x!.rank);
      return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, along), ...integers(indices).shape, ...x!.shape.slice(along + 1)] }];
    },
    gradient: ({ inputs: [x, indices], attributes: { axis = 0 } }, [g]) => {
      if (!x || !indices || !g) return [];
      const along = normaliseAxis(axis, x.rank);
      // The indexed axis goes to the front, where ScatterND adds whole slices; for embeddings it is there already.
      const front = axisFirst(x.rank, along);
      const count = indices.shape.reduce((a, b) => a * b, 1);
      const outer = x.shape.slice(0, along);
      const flat = ops.reshape(g, [...outer, count, ...x.shape.slice(along + 1)]);
      const rows = ops.transpose(flat, front);
      const zeros = ops.zeros({ dtype: x.dtype, shape: front.map((i) => x.shape[i]!) });
      const sum = ops.scatterND(zeros, ops.reshape(indices, [count, 1]), rows, 'add');
      return [ops.transpose(sum, inversePermutation(front))];
    },
  }),

  GatherElements: operator<{ axis: number }>({
    infer: ([x, indices], { axis }) => {
      sameRank(x!, integers(indices));
      normaliseAxis(axis, x!.rank);
      return [{ dtype: x!.dtype, shape: indices!.shape }];
    },
    gradient: ({ inputs: [x, indices], attributes: { axis } }, [g]) =>
      x && indices && g ? [ops.scatterElements(ops.zeros(x), indices, g, axis, 'add')] : [],
  }),

  GatherND: operator<{ batch_dims?: number }>({
    infer: ([x, indices], { batch_dims = 0 }) => {
      if (batch_dims) throw new ShapeMismatch('batch_dims other than 0 are not supported');
      return [{ dtype: x!.dtype, shape: tupleShape(x!, integers(indices)) }];
    },
    gradient: ({ inputs: [x, indices] }, [g]) => (x && indices && g ? [ops.scatterND(ops.zeros(x), indices, g, 'add')] : []),
  }),

  ScatterND: operator<{ reduction?: ScatterReduction }>({
    infer: ([data, indices, updates]) => {
      dtypeOf([data!, updates!]);
      if (!sameShape(updates!.shape, tupleShape(data!, integers(indices))))
        throw new ShapeMismatch('the updates do not have the shape of what they replace');
      return [data!];
    },
    gradient: ({ inputs: [data, indices, updates], attributes: { reduction = 'none' } }, [g]) => {
      if (!data || !indices || !updates || !g) return [];
      const kept = reduction === 'add' ? g : ops.scatterND(g, indices, ops.zeros(updates), 'none');
      return [kept, undefined, ops.gatherND(g, indices)];
    },
  }),

  ScatterElements: operator<{ axis: number; reduction?: ScatterReduction }>({
    infer: ([data, indices, updates], { axis }) => {
      dtypeOf([data!, updates!]);
      sameRank(data!, integers(indices));
      normaliseAxis(axis, data!.rank);
      if (!sameShape(updates!.shape, indices!.shape)) throw new ShapeMismatch('indices and updates must have the same shape');
      return [data!];
    },
    gradient: ({ inputs: [data, indices, updates], attributes: { axis, reduction = 'none' } }, [g]) => {
      if (!data || !indices || !updates || !g) return [];
      const kept = reduction === 'add' ? g : ops.scatterElements(g, indices, ops.zeros(updates), axis, 'none');
      return [kept, undefined, ops.gatherElements(g, indices, axis)];
    },
  }),
};
