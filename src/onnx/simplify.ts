import { Node, type Value } from './graph';
import * as ops from './ops';
import { sameShape } from './types';

/**
 * Local identities: an equivalent of the node's (first) output that is cheaper, or undefined. Each is exact in floating point, or only regroups
 * constant factors.
 *
 * @param usedOnce whether nothing else needs a value, so that absorbing the node behind it saves its work
 */
export function simplify(node: Node, usedOnce: (value: Value) => boolean): Value | undefined {
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
    case 'Neg':
      return nodeOf(a, 'Neg')?.inputs[0];
    case 'Identity':
      return a;
    case 'Reshape': {
      const inner = nodeOf(a, 'Reshape');
      return sameShape(a.shape, node.outputs[0]!.shape) ? a : inner && ops.reshape(inner.inputs[0]!, node.outputs[0]!.shape);
    }
    case 'MatMul':
    case 'FusedMatMul':
      return b && absorbTranspose(node, a, b);
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

const scalarOf = (value: Value): number | undefined => {
  const tensor = ops.constantOf(value);
  return tensor?.data.length === 1 && tensor.shape.length === 0 ? Number(tensor.data[0]) : undefined;
};

/** (x · c₁) · c₂ = x · (c₁c₂). */
function joinFactors(a: Value, b: Value): Value | undefined {
  const outer = scalarOf(b);
  const inner = nodeOf(a, 'Mul');
  if (outer === undefined || !inner) return undefined;
  const [x, y] = inner.inputs as [Value, Value];
  const [rest, factor] = scalarOf(y) === undefined ? [y, scalarOf(x)] : [x, scalarOf(y)];
  return factor === undefined ? undefined : ops.mul(rest, factor * outer);
}

/** x / c = x · (1/c), which is faster, and exact only when c is a power of two. */
function byReciprocal(a: Value, b: Value): Value | undefined {
  const divisor = scalarOf(b);
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

/** A transposition of the last two axes costs nothing inside the multiplication. */
function absorbTranspose(node: Node, a: Value, b: Value): Value | undefined {
  if (a.rank < 2 || b.rank < 2 || a.dtype === 'float64') return undefined;
  const { transA = 0, transB = 0, alpha = 1 } = node.attributes as Record<string, number | undefined>;
  const [left, right] = [swapped(a), swapped(b)];
  if (!left && !right) return undefined;
  return ops.fusedMatMul(left ?? a, right ?? b, { transA: left ? 1 - transA : transA, transB: right ? 1 - transB : transB, alpha });
}

function swapped(value: Value): Value | undefined {
  const node = nodeOf(value, 'Transpose');
  const perm = node?.attributes.perm as readonly number[] | undefined;
  if (!node || !perm) return undefined;
  const last = perm.length - 1;
  return perm.every((axis, i) => axis === (i === last ? last - 1 : i === last - 1 ? last : i)) ? node.inputs[0] : undefined;
}
