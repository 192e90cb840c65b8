import { inScope, Node, type Value } from '../graph';
import * as ops from '../ops';
import { rowsLast } from '../operators/matmul';
import { lastTwoSwapped } from '../types';
import type { Rule } from './rewrite';

type Product = Node & { readonly op: 'MatMul' | 'FusedMatMul' | 'Gemm' };
type Factors = Partial<Record<'alpha' | 'beta' | 'transA' | 'transB' | 'transBatchA' | 'transBatchB', number>>;

/** What a matrix product does at no cost of its own: transpose its operands, scale its result, add a term. Each rule saves a pass over memory. */
export const absorb: Rule = (node, usedOnce) => {
  const [a, b] = node.inputs;
  if (!a || !b || a.dtype !== 'float32') return undefined;
  const value = isProduct(node)
    ? (transposed(node, a, b) ?? scaledOperand(node, a, b))
    : node.op === 'Mul'
      ? (scaledResult(a, b, usedOnce) ?? scaledResult(b, a, usedOnce))
      : node.op === 'Add'
        ? (addedTerm(a, b, usedOnce) ?? addedTerm(b, a, usedOnce))
        : undefined;
  return value && [value];
};

/** Products of vectors are left as they are. */
const isProduct = (source: Value['source']): source is Product =>
  source instanceof Node &&
  (source.op === 'MatMul' || source.op === 'FusedMatMul' || source.op === 'Gemm') &&
  source.inputs.slice(0, 2).every(({ rank }) => rank >= 2);

/** The same product of other operands or with other factors, where it was. */
function rebuild(node: Product, a: Value, b: Value, change: Factors, c = node.inputs[2]): Value {
  const { alpha = 1, beta = 1, ...layout }: Factors = { ...(node.attributes as Factors), ...change };
  return inScope(node.scope, () =>
    node.op === 'Gemm' ? ops.gemm(a, b, c, { alpha, ...(c && { beta }), ...layout }) : ops.fusedMatMul(a, b, { alpha, ...layout }),
  );
}

/** Aᵀ·B, A·Bᵀ: a transposition of the last two axes, or one that brings the rows of the matrices from before the batch to their place. */
function transposed(node: Product, a: Value, b: Value): Value | undefined {
  const { transA = 0, transB = 0, transBatchA = 0, transBatchB = 0 } = node.attributes as Factors;
  const left = transBatchA ? undefined : turned(a, node);
  const right = transBatchB ? undefined : turned(b, node);
  if (!left && !right) return undefined;
  return rebuild(node, left?.x ?? a, right?.x ?? b, {
    ...(left && (left.batch ? { transBatchA: 1 } : { transA: 1 - transA })),
    ...(right && (right.batch ? { transBatchB: 1 } : { transB: 1 - transB })),
  });
}

/** What a transposition that a product can absorb was made of. */
function turned({ source }: Value, product: Product): { x: Value; batch: boolean } | undefined {
  if (!(source instanceof Node) || source.op !== 'Transpose') return undefined;
  const perm = source.attributes.perm as readonly number[];
  const [x] = source.inputs as [Value];
  if (perm.join() === lastTwoSwapped(x.rank).join()) return { x, batch: false };
  return product.op !== 'Gemm' && x.rank > 2 && perm.join() === rowsLast(x.rank).join() ? { x, batch: true } : undefined;
}

/** (x·c)·B = c·(x·B), whichever operand is scaled by a constant. */
function scaledOperand(node: Product, a: Value, b: Value): Value | undefined {
  const [left, right] = [ops.scaled(a), ops.scaled(b)];
  if (!left && !right) return undefined;
  const { alpha = 1 } = node.attributes as Factors;
  return rebuild(node, left?.x ?? a, right?.x ?? b, { alpha: alpha * (left?.factor ?? 1) * (right?.factor ?? 1) });
}

/** (A·B + C)·c = c·A·B + c·C, also with another factor in between, such as a dropout mask: ((A·B)·m)·c = (c·A·B)·m. */
function scaledResult(value: Value, other: Value, usedOnce: (value: Value) => boolean): Value | undefined {
  const factor = ops.scalarOf(other);
  if (factor === undefined || !usedOnce(value)) return undefined;
  const { source } = value;
  if (isProduct(source)) {
    const [a, b] = source.inputs as [Value, Value];
    const { alpha = 1, beta = 1 } = source.attributes as Factors;
    return rebuild(source, a, b, { alpha: alpha * factor, beta: beta * factor });
  }
  if (!(source instanceof Node) || source.op !== 'Mul') return undefined;
  const [x, y] = source.inputs as [Value, Value];
  const [left, right] = [scaledResult(x, other, usedOnce), scaledResult(y, other, usedOnce)];
  if (left) return ops.mul(left, y);
  return right && ops.mul(x, right);
}

/** A·B + C in one product; C may broadcast to it. */
function addedTerm(value: Value, c: Value, usedOnce: (value: Value) => boolean): Value | undefined {
  const { source } = value;
  if (!isProduct(source) || source.op !== 'Gemm' || source.inputs[2] || !usedOnce(value) || c.rank > 2) return undefined;
  if (!c.shape.every((extent, i) => extent === 1 || extent === value.shape[i + 2 - c.rank])) return undefined;
  const [a, b] = source.inputs as [Value, Value];
  return rebuild(source, a, b, { beta: 1 }, c);
}
