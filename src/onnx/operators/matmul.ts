import * as ops from '../ops';
import type { Value } from '../graph';
import { broadcast, inversePermutation, type Shape } from '../types';
import { dtypeOf, operator, ShapeMismatch } from './operator';

export interface GemmAttributes extends Record<string, number | undefined> {
  readonly alpha?: number;
  readonly beta?: number;
  readonly transA?: number;
  readonly transB?: number;
}

export interface FusedMatMulAttributes extends Record<string, number | undefined> {
  readonly alpha?: number;
  readonly transA?: number;
  readonly transB?: number;
  /** 1 where the rows of the matrices are the first axis of all, before those of the batch. */
  readonly transBatchA?: number;
  readonly transBatchB?: number;
}

/** The permutation that `transBatchA` and `transBatchB` stand for: the first axis goes to where a matrix has its rows. */
export const rowsLast = (rank: number): number[] => [...Array.from({ length: rank - 2 }, (_, i) => i + 1), 0, rank - 1];

/** Rows and columns of a matrix as it takes part in the product, transposed or not. */
function matrix({ shape }: { shape: Shape }, transposed: number): [rows: number, columns: number] {
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined) throw new ShapeMismatch('it multiplies matrices');
  return transposed ? [columns, rows] : [rows, columns];
}

/** The type that an operand has once its rows are where a matrix has them. */
function turnedType(x: Value, transBatch: number): { shape: Shape } {
  if (transBatch && x.rank < 3) throw new ShapeMismatch('transBatch needs a batch');
  return { shape: transBatch ? rowsLast(x.rank).map((axis) => x.shape[axis]!) : x.shape };
}

function inner(a: number, b: number): void {
  if (a !== b) throw new ShapeMismatch(`the inner sizes ${a} and ${b} differ`);
}

function batched([a, b]: readonly [{ shape: Shape }, { shape: Shape }], transA: number, transB: number): Shape {
  const [m, k] = matrix(a, transA);
  const [k2, n] = matrix(b, transB);
  inner(k, k2);
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!batch) throw new ShapeMismatch('the batch axes do not broadcast');
  return [...batch, m, n];
}

/** The operands of MatMul as matrices: a vector on the left is a row, on the right a column. */
export const asMatrices = (a: Value, b: Value): [Value, Value] => [
  a.rank === 1 ? ops.reshape(a, [1, ...a.shape]) : a,
  b.rank === 1 ? ops.reshape(b, [...b.shape, 1]) : b,
];

export const matmul = {
  MatMul: operator<Record<string, never>>({
    infer: (inputs) => {
      const dtype = dtypeOf(inputs);
      const [a, b] = inputs as [Value, Value];
      if (a.rank === 0 || b.rank === 0) throw new ShapeMismatch('a scalar is not a matrix; use mul');
      const left = a.rank === 1 ? [1, ...a.shape] : a.shape;
      const right = b.rank === 1 ? [...b.shape, 1] : b.shape;
      const [m, k] = matrix({ shape: left }, 0);
      const [k2, n] = matrix({ shape: right }, 0);
      inner(k, k2);
      const batch = broadcast(left.slice(0, -2), right.slice(0, -2));
      if (!batch) throw new ShapeMismatch('the batch axes do not broadcast');
      return [{ dtype, shape: [...batch, ...(a.rank === 1 ? [] : [m]), ...(b.rank === 1 ? [] : [n])] }];
    },
    gradient: ({ inputs, outputs: [y] }, [g]) => {
      if (!y || !g) return [];
      const [a, b] = asMatrices(inputs[0]!, inputs[1]!);
      const [m, n] = [a.shape.at(-2)!, b.shape.at(-1)!];
      const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2))!;
      const upstream = ops.reshape(g, [...batch, m, n]);
      const parts = [ops.fusedMatMul(upstream, b, { transB: 1 }), ops.fusedMatMul(a, upstream, { transA: 1 })];
      return parts.map((part, i) => ops.reshape(ops.sumTo(part, [a, b][i]!.shape), inputs[i]!.shape));
    },
  }),

  /** MatMul with either operand's last two axes transposed, or its rows taken from before the batch; neither costs anything inside the product. */
  FusedMatMul: operator<FusedMatMulAttributes>({
    domain: 'com.microsoft',
    infer: (inputs, { transA = 0, transB = 0, transBatchA = 0, transBatchB = 0 }) => {
      const dtype = dtypeOf(inputs);
      const [a, b] = [turnedType(inputs[0]!, transBatchA), turnedType(inputs[1]!, transBatchB)];
      return [{ dtype, shape: batched([a, b], transA, transB) }];
    },
    gradient: ({ inputs, attributes: { alpha = 1, transA = 0, transB = 0, transBatchA = 0, transBatchB = 0 } }, [g]) => {
      if (!g) return [];
      const turned = (x: Value, batch: number): Value => (batch ? ops.transpose(x, rowsLast(x.rank)) : x);
      const [a, b] = [turned(inputs[0]!, transBatchA), turned(inputs[1]!, transBatchB)];
      // A′ = op(A): dA′ = g·B′ᵀ and dB′ = A′ᵀ·g; a transposed operand receives the transpose, which swaps the factors.
      const da = transA
        ? ops.fusedMatMul(b, g, { alpha, transA: transB, transB: 1 })
        : ops.fusedMatMul(g, b, { alpha, transB: 1 - transB });
      const db = transB
        ? ops.fusedMatMul(g, a, { alpha, transA: 1, transB: transA })
        : ops.fusedMatMul(a, g, { alpha, transA: 1 - transA });
      const back = (x: Value, batch: number): Value => (batch ? ops.transpose(x, inversePermutation(rowsLast(x.rank))) : x);
      return [back(ops.sumTo(da, a.shape), transBatchA), back(ops.sumTo(db, b.shape), transBatchB)];
    },
  }),

  /** α·op(A)·op(B) + β·C on matrices; C broadcasts to the product. */
  Gemm: operator<GemmAttributes>({
    infer: (inputs, { transA = 0, transB = 0 }) => {
      const [a, b, c] = inputs as [Value, Value, Value | undefined];
      const dtype = dtypeOf(inputs);
      if (a.rank !== 2 || b.rank !== 2) throw new ShapeMismatch('it multiplies two matrices; batches are for matMul');
      const shape = batched([a, b], transA, transB);
      if (c && broadcast(shape, c.shape)?.join() !== shape.join())
        throw new ShapeMismatch('the third operand does not broadcast to the product');
      return [{ dtype, shape }];
    },
    gradient: ({ inputs: [a, b, c], attributes: { alpha = 1, beta = 1, transA = 0, transB = 0 } }, [g]) => {
      if (!a || !b || !g) return [];
      const da = transA
        ? ops.gemm(b, g, undefined, { alpha, transA: transB, transB: 1 })
        : ops.gemm(g, b, undefined, { alpha, transB: 1 - transB });
      const db = transB
        ? ops.gemm(g, a, undefined, { alpha, transA: 1, transB: transA })
        : ops.gemm(a, g, undefined, { alpha, transA: 1 - transA });
      return c ? [da, db, ops.sumTo(beta === 1 ? g : ops.mul(g, beta), c.shape)] : [da, db];
    },
  }),
};
