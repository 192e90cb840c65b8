import { type Node, type Value } from '../graph';
import * as ops from '../ops';
import { size, tensor } from '../types';
import type { Rule } from './rewrite';

/** The last pass before ONNX Runtime's CPU kernels, which takes back what is only cheap elsewhere, by measurement (`bench/README.md`). */
export const arrangeForCpu: Rule = (node) => {
  if (node.outputs[0]?.dtype !== 'float32') return undefined;
  const value = node.op === 'Gemm' ? transpositionWritten(node) : node.op === 'ReduceSum' ? sumAsProduct(node) : undefined;
  return value && [value];
};

/**
 * ScatterND with additions as ScatterElements. ONNX Runtime's CPU kernel of the former divides the updates among its threads and adds without a
 * lock, so that of several updates to one place some are lost; with one thread it is right, and three times as fast as the latter.
 */
export const scatterSafely: Rule = ({ op, inputs, attributes }) => {
  const [data, indices, updates] = inputs;
  if (op !== 'ScatterND' || attributes.reduction !== 'add' || !data || !indices || !updates) return undefined;
  // Index tuples become numbers of rows of the data seen as a matrix.
  const depth = indices.shape.at(-1)!;
  const width = size(data.shape.slice(depth));
  const rows = depth === 1 ? indices : rowNumbers(data, indices, depth);
  const matrix = ops.reshape(data, [size(data.shape.slice(0, depth)), width]);
  const count = size(indices.shape.slice(0, -1));
  const places = ops.expand(ops.reshape(rows, [count, 1]), [count, width]);
  return [ops.reshape(ops.scatterElements(matrix, places, ops.reshape(updates, [count, width]), 0, 'add'), data.shape)];
};

/** ONNX Runtime's own product in ONNX's operators: neither its WebGPU provider nor other runtimes have it. */
export const standardProduct: Rule = ({ op, inputs: [a, b], attributes }) =>
  op === 'FusedMatMul' ? [ops.unfusedMatMul(a!, b!, attributes as never)] : undefined;

/** Row-major numbers of index tuples [..., depth] into the leading axes of the data; negative indices count from the end. */
function rowNumbers(data: Value, indices: Value, depth: number): Value {
  const extents = tensor('int64', [depth], data.shape.slice(0, depth));
  const strides = tensor(
    'int64',
    [depth],
    data.shape.slice(0, depth).map((_, axis) => size(data.shape.slice(axis + 1, depth))),
  );
  const positive = ops.where(ops.less(indices, 0), ops.add(indices, ops.constant(extents)), indices);
  return ops.reduceSum(ops.mul(positive, ops.constant(strides)), { axes: [-1] });
}

/** Columns of the product, and terms of each of its sums, from which on it pays. */
const WIDE = 512;
const DEEP = 1024;

/**
 * Aᵀ·B with a transposed copy of the smaller operand. The kernel transposes A anew for every 128 columns of the product, at 12 to 20 % of its time;
 * weight gradients are all of this form.
 */
function transpositionWritten(node: Node): Value | undefined {
  const [a, b, c] = node.inputs as [Value, Value, Value | undefined];
  const { alpha = 1, transA = 0, transB = 0 } = node.attributes as Record<string, number | undefined>;
  const [rows, columns] = [a.shape[1]!, b.shape[1]!];
  if (!transA || transB || c || Math.max(rows, columns) < WIDE || a.shape[0]! < DEEP) return undefined;
  const turned = (x: Value): Value => ops.transpose(x, [1, 0]);
  // Aᵀ·B = (Bᵀ·A)ᵀ
  return rows > columns ? turned(ops.gemm(turned(b), a, undefined, { alpha })) : ops.gemm(turned(a), b, undefined, { alpha });
}

/** The sum of a matrix's rows as a product with a row of ones, which takes a third of the time of the reduction. */
function sumAsProduct(node: Node): Value | undefined {
  const [x] = node.inputs as [Value];
  const { axes, keepdims = 1 } = node.attributes as { axes: readonly number[]; keepdims?: number };
  const [rows, columns] = x.shape as [number, number];
  if (x.rank !== 2 || axes.join() !== '0' || rows < 2) return undefined;
  const ones = ops.expand(ops.scalar('float32', 1), [1, rows]);
  const sum = ops.gemm(ones, x);
  return keepdims ? sum : ops.reshape(sum, [columns]);
}
