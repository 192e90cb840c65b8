import { Node, type Value } from '../graph';
import * as ops from '../ops';
import { asMatrices } from '../operators/matmul';
import { isFloat, sameShape } from '../types';
import type { Rule } from './rewrite';

/** Local identities. Each is exact in floating point, or only regroups constant factors. */
export const simplify: Rule = (node, usedOnce) => {
  const value = equivalent(node, usedOnce);
  return value && [value];
};

function equivalent(node: Node, usedOnce: (value: Value) => boolean): Value | undefined {
  const [a, b] = node.inputs;
  if (!a) return undefined;
  switch (node.op) {
    case 'Add':
      return b && (neutral(a, b, 0, node) ?? neutral(b, a, 0, node) ?? absorbScatter(a, b, usedOnce) ?? absorbScatter(b, a, usedOnce));
    case 'Sub':
      return b && neutral(a, b, 0, node);
    case 'Mul':
      return b && (neutral(a, b, 1, node) ?? neutral(b, a, 1, node) ?? joinFactors(a, b) ?? joinFactors(b, a));
    case 'Div':
      return b && (neutral(a, b, 1, node) ?? byReciprocal(a, b));
    case 'MatMul':
      return b && vectorsAsMatrices(a, b, node);
    case 'Neg':
      return nodeOf(a, 'Neg')?.inputs[0];
    case 'Identity':
      return a;
    case 'Reshape': {
      const inner = nodeOf(a, 'Reshape');
      return sameShape(a.shape, node.outputs[0]!.shape) ? a : inner && ops.reshape(inner.inputs[0]!, node.outputs[0]!.shape);
    }
    case 'ReduceSum':
    case 'ReduceMean':
      return factorOut(node, a);
    default:
      return undefined;
  }
}

const nodeOf = (value: Value, op: Node['op']): Node | undefined =>
  value.source instanceof Node && value.source.op === op ? value.source : undefined;

/** A constant whose elements are all one number. */
function uniform(value: Value): number | undefined {
  const tensor = ops.constantOf(nodeOf(value, 'Expand')?.inputs[0] ?? value);
  if (!tensor || tensor.data.length === 0) return undefined;
  const first = Number(tensor.data[0]);
  return tensor.data.every((element) => Number(element) === first) ? first : undefined;
}

/** x + 0, x · 1, x / 1: the other operand, provided that it already has the result's shape. */
const neutral = (x: Value, other: Value, element: number, node: Node): Value | undefined =>
  uniform(other) === element && sameShape(x.shape, node.outputs[0]!.shape) ? x : undefined;

/** ONNX Runtime puts a transposition into a product with a vector, too, and gets it wrong; with matrices it does not. */
const vectorsAsMatrices = (a: Value, b: Value, node: Node): Value | undefined =>
  a.rank === 1 || b.rank === 1 ? ops.reshape(ops.matMul(...asMatrices(a, b)), node.outputs[0]!.shape) : undefined;

/** (x · c₁) · c₂ = x · (c₁c₂), of whole numbers as long as c₁c₂ is exact. */
function joinFactors(a: Value, b: Value): Value | undefined {
  const outer = ops.scalarOf(b);
  const inner = ops.scaled(a);
  if (outer === undefined || !inner) return undefined;
  const factor = inner.factor * outer;
  return isFloat(a.dtype) || Number.isSafeInteger(factor) ? ops.mul(inner.x, factor) : undefined;
}

/** Σ(x·c) = c·Σx: the scaling is of the few sums, not of the many terms. The mean of whole numbers is rounded, and stays as it is. */
function factorOut(node: Node, a: Value): Value | undefined {
  if (node.op === 'ReduceMean' && !isFloat(a.dtype)) return undefined;
  const inner = ops.scaled(a);
  return inner && ops.mul(ops.apply(node.op, [inner.x], node.attributes as never)[0]!, inner.factor);
}

/** x / c = x · (1/c), which is faster, and exact only when c is a power of two. */
function byReciprocal(a: Value, b: Value): Value | undefined {
  const divisor = isFloat(b.dtype) ? ops.scalarOf(b) : undefined;
  return divisor !== undefined && Number.isInteger(Math.log2(Math.abs(divisor))) ? ops.mul(a, 1 / divisor) : undefined;
}

/** x + (0 with rows added) = x with rows added: the gradient of a tied embedding is one tensor, not the sum of two. */
function absorbScatter(x: Value, sum: Value, usedOnce: (value: Value) => boolean): Value | undefined {
  const scatter = nodeOf(sum, 'ScatterND') ?? nodeOf(sum, 'ScatterElements');
  const [data, indices, updates] = scatter?.inputs ?? [];
  if (!scatter || !data || !indices || !updates || scatter.attributes.reduction !== 'add' || uniform(data) !== 0) return undefined;
  if (!usedOnce(sum) || !sameShape(x.shape, sum.shape)) return undefined;
  return scatter.op === 'ScatterND'
    ? ops.scatterND(x, indices, updates, 'add')
    : ops.scatterElements(x, indices, updates, scatter.attributes.axis as number, 'add');
}
