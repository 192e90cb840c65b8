import { Constant, currentScope, GraphError, Node, Value, type Attributes } from './graph';
import { operators, type AttributesOf, type OperatorName } from './operators';
import { rowsLast, type FusedMatMulAttributes, type GemmAttributes } from './operators/matmul';
import { ShapeMismatch, type Operator } from './operators/operator';
import {
  axisFirst,
  inversePermutation,
  isFloat,
  isShape,
  lastTwoSwapped,
  normaliseAxes,
  sameShape,
  showShape,
  size,
  tensor,
  type DType,
  type Shape,
  type Tensor,
  type Type,
} from './types';

/**
 * The functions that graphs are written with, one for each operator. Operands that are plain numbers become scalar constants of the other operand's
 * type. This file and the operator table refer to each other on purpose: gradient rules are written in the same functions as models.
 */
export function apply<K extends OperatorName>(op: K, inputs: readonly Value[], attributes: AttributesOf<K>): readonly Value[] {
  const row: Operator = operators[op];
  try {
    const types = row.infer(inputs, attributes as never);
    for (const { shape } of types) if (!isShape(shape)) throw new ShapeMismatch(`it would give ${showShape(shape)}, which is no shape`);
    return new Node(op, row, inputs, attributes as Attributes, currentScope(), types).outputs;
  } catch (error) {
    if (error instanceof ShapeMismatch || error instanceof RangeError) throw new GraphError(op, inputs, error.message);
    throw error;
  }
}

const one = <K extends OperatorName>(op: K, inputs: readonly Value[], attributes: AttributesOf<K>): Value =>
  apply(op, inputs, attributes)[0]!;

export const constant = (contents: Tensor): Value => new Value(contents, new Constant(contents));
export const scalar = (dtype: DType, value: number): Value => constant(tensor(dtype, [], [value]));
/** A scalar of another value's element type. */
export const like = ({ dtype }: Type, value: number): Value => scalar(dtype, value);
/** Zeros of another value's type; written as an expanded scalar, so that no zeros are stored in the file. */
export const zeros = ({ dtype, shape }: Type): Value => expand(scalar(dtype, 0), shape);
export const vector = (dtype: DType, values: readonly number[]): Value => constant(tensor(dtype, [values.length], values));

type Operand = Value | number;

function pair(a: Operand, b: Operand): [Value, Value] {
  if (typeof a === 'number') {
    if (typeof b === 'number') throw new TypeError('At least one operand must be a value.');
    return [like(b, a), b];
  }
  return [a, typeof b === 'number' ? like(a, b) : b];
}

type Binary = (a: Operand, b: Operand) => Value;
type Unary = (x: Value) => Value;

const binary =
  (op: OperatorName): Binary =>
  (a, b) =>
    one(op, pair(a, b), {} as never);
const unary =
  (op: OperatorName): Unary =>
  (x) =>
    one(op, [x], {} as never);

export const add: Binary = binary('Add');
export const sub: Binary = binary('Sub');
export const mul: Binary = binary('Mul');
export const div: Binary = binary('Div');
export const pow: Binary = binary('Pow');
export const max: Binary = binary('Max');
export const min: Binary = binary('Min');
/** The remainder of a division: whole numbers take the sign of the divisor, others of the dividend. */
export function mod(a: Operand, b: Operand): Value {
  const operands = pair(a, b);
  return one('Mod', operands, isFloat(operands[0].dtype) ? { fmod: 1 } : {});
}
export const equal: Binary = binary('Equal');
export const less: Binary = binary('Less');
export const lessOrEqual: Binary = binary('LessOrEqual');
export const greater: Binary = binary('Greater');
export const greaterOrEqual: Binary = binary('GreaterOrEqual');
export const and: Binary = binary('And');
export const or: Binary = binary('Or');
export const not: Unary = unary('Not');

export const neg: Unary = unary('Neg');
export const exp: Unary = unary('Exp');
export const log: Unary = unary('Log');
export const sqrt: Unary = unary('Sqrt');
export const reciprocal: Unary = unary('Reciprocal');
export const abs: Unary = unary('Abs');
export const sign: Unary = unary('Sign');
/** ONNX Runtime has no Relu of int64. */
export const relu: Unary = (x) => (x.dtype === 'int64' ? max(x, 0) : one('Relu', [x], {}));
export const sin: Unary = unary('Sin');
export const cos: Unary = unary('Cos');
export const isNaN: Unary = unary('IsNaN');
export const tanh: Unary = unary('Tanh');
export const sigmoid: Unary = unary('Sigmoid');
export const softplus: Unary = unary('Softplus');
export const erf: Unary = unary('Erf');
export const identity: Unary = unary('Identity');
export const gelu = (x: Value, approximate: 'none' | 'tanh' = 'none'): Value => one('Gelu', [x], { approximate });
/** Either bound may be infinite. */
export function clip(x: Value, low: number, high: number): Value {
  // Whole numbers have no infinity to be clipped at.
  const open = isFloat(x.dtype) ? [] : [low < Number.MIN_SAFE_INTEGER, high > Number.MAX_SAFE_INTEGER];
  if (open[0]) return open[1] ? x : min(x, high);
  return open[1] ? max(x, low) : one('Clip', [x], { min: low, max: high });
}
export const where = (condition: Value, a: Value, b: Value): Value => one('Where', [condition, a, b], {});
export const cast = (x: Value, to: DType): Value => (x.dtype === to ? x : one('Cast', [x], { to }));

type Reduce = (x: Value, options?: { axes?: readonly number[] | undefined; keepdims?: number }) => Value;

const reduction =
  (op: 'ReduceSum' | 'ReduceMean' | 'ReduceSumSquare' | 'ReduceL2' | 'ReduceLogSumExp' | 'ReduceMax' | 'ReduceMin'): Reduce =>
  (x, { axes, keepdims = 0 } = {}) => {
    const reduced = normaliseAxes(axes, x.rank);
    if (reduced.length > 0) return one(op, [x], { axes: reduced, keepdims });
    // Given no axes, ONNX would reduce all of them.
    return op === 'ReduceSumSquare' ? mul(x, x) : op === 'ReduceL2' ? abs(x) : x;
  };

/** Reductions drop the reduced axes unless `keepdims` is 1; without `axes` they reduce everything to a scalar. */
export const reduceSum: Reduce = reduction('ReduceSum');
export const reduceMean: Reduce = reduction('ReduceMean');
export const reduceSumSquare: Reduce = reduction('ReduceSumSquare');
export const reduceL2: Reduce = reduction('ReduceL2');
export const reduceLogSumExp: Reduce = reduction('ReduceLogSumExp');
export const reduceMax: Reduce = reduction('ReduceMax');
export const reduceMin: Reduce = reduction('ReduceMin');

/** The place (int64) of the largest element along an axis, which is dropped; of equal ones, the first. */
export const argMax = (x: Value, axis: number): Value => one('ArgMax', [x], { axis, keepdims: 0 });
/** Running sums along an axis; `exclusive` leaves out the element itself, `reverse` starts from the end. */
export const cumSum = (x: Value, axis: number, { exclusive = 0, reverse = 0 } = {}): Value =>
  one('CumSum', [x], { axis, exclusive, reverse });

/** Sums over the axes along which `shape` was broadcast to the value's: the way back from broadcasting. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes = x.shape.flatMap((extent, axis) => (axis < lead || (shape[axis - lead] === 1 && extent !== 1) ? [axis] : []));
  return reshape(axes.length ? reduceSum(x, { axes }) : x, shape);
}

export const matMul = (a: Value, b: Value): Value => one('MatMul', [a, b], {});

/** α·op(A)·op(B) over the last two axes. ONNX Runtime's kernel is for single precision; in double, transpositions are written out. */
export const fusedMatMul = (a: Value, b: Value, attributes: FusedMatMulAttributes = {}): Value =>
  a.dtype === 'float64' ? unfusedMatMul(a, b, attributes) : one('FusedMatMul', [a, b], attributes);

/** The same in ONNX's own operators. */
export function unfusedMatMul(a: Value, b: Value, attributes: FusedMatMulAttributes): Value {
  const { transA = 0, transB = 0, transBatchA = 0, transBatchB = 0, alpha = 1 } = attributes;
  const turned = (x: Value, trans: number, transBatch: number): Value => {
    const rows = transBatch ? transpose(x, rowsLast(x.rank)) : x;
    return trans ? transpose(rows, lastTwoSwapped(x.rank)) : rows;
  };
  const product = matMul(turned(a, transA, transBatchA), turned(b, transB, transBatchB));
  return alpha === 1 ? product : mul(product, alpha);
}
export const gemm = (a: Value, b: Value, c?: Value, attributes: GemmAttributes = {}): Value =>
  one('Gemm', c ? [a, b, c] : [a, b], attributes);

/** One extent may be −1: it follows from the others. */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const known = size(shape.filter((extent) => extent !== -1));
  const target = shape.map((extent) => (extent === -1 ? size(x.shape) / known : extent));
  return one('Reshape', [x], { shape: target, ...(target.includes(0) && { allowzero: 1 }) });
}

export const expand = (x: Value, shape: Shape): Value => (sameShape(x.shape, shape) ? x : one('Expand', [x], { shape }));

/** An identity permutation gives the value itself: ONNX Runtime folds an identity Transpose wrongly. */
export const transpose = (x: Value, perm: readonly number[]): Value =>
  perm.every((axis, i) => axis === i) && perm.length === x.rank ? x : one('Transpose', [x], { perm });
export const squeeze = (x: Value, axes: readonly number[]): Value => one('Squeeze', [x], { axes });
export const unsqueeze = (x: Value, axes: readonly number[]): Value => one('Unsqueeze', [x], { axes });
export const concat = (parts: readonly Value[], axis: number): Value => (parts.length === 1 ? parts[0]! : one('Concat', parts, { axis }));
export const split = (x: Value, parts: readonly number[], axis: number): readonly Value[] =>
  parts.length === 1 ? [x] : apply('Split', [x], { axis, split: parts });

export function slice(
  x: Value,
  starts: readonly number[],
  ends: readonly number[],
  axes?: readonly number[],
  steps?: readonly number[],
): Value {
  return one('Slice', [x], { starts, ends, axes: axes ?? starts.map((_, axis) => axis), steps: steps ?? starts.map(() => 1) });
}

export const pad = (x: Value, pads: readonly number[], value = 0): Value => (pads.some(Boolean) ? one('Pad', [x], { pads, value }) : x);

/** Puts `count` slices along an axis of `extent` zeros, at `first`, `first + step`, …: undoes a slice. */
export function placeAlong(x: Value, axis: number, extent: number, first: number, step: number, count: number): Value {
  if (first === 0 && step === 1 && count === extent) return x;
  const before = (pads: number): number[] => x.shape.map((_, i) => (i === axis ? pads : 0));
  const padAlong = (value: Value, low: number, high: number): Value => pad(value, [...before(low), ...before(high)]);
  if (step === 1) return padAlong(x, first, extent - first - count);
  const places = Array.from({ length: count }, (_, i) => first + i * step);
  const front = axisFirst(x.rank, axis);
  const rows = transpose(x, front);
  const empty = zeros({ dtype: x.dtype, shape: [extent, ...rows.shape.slice(1)] });
  const placed = scatterND(empty, constant(tensor('int64', [count, 1], places)), rows, 'none');
  return transpose(placed, inversePermutation(front));
}

export const gather = (x: Value, indices: Value, axis = 0): Value => one('Gather', [x, indices], { axis });
export const gatherElements = (x: Value, indices: Value, axis: number): Value => one('GatherElements', [x, indices], { axis });
export const gatherND = (x: Value, indices: Value): Value => one('GatherND', [x, indices], { batch_dims: 0 });
export const scatterND = (data: Value, indices: Value, updates: Value, reduction: 'none' | 'add'): Value =>
  one('ScatterND', [data, indices, updates], { reduction });
export const scatterElements = (data: Value, indices: Value, updates: Value, axis: number, reduction: 'none' | 'add'): Value =>
  one('ScatterElements', [data, indices, updates], { axis, reduction });

export const softmax = (x: Value, axis: number): Value => one('Softmax', [x], { axis });
export const logSoftmax = (x: Value, axis: number): Value => one('LogSoftmax', [x], { axis });
export const layerNormalization = (x: Value, scale: Value, bias: Value, epsilon: number): Value =>
  one('LayerNormalization', [x, scale, bias], { axis: -1, epsilon });
export const rmsNormalization = (x: Value, scale: Value, epsilon: number): Value =>
  one('RMSNormalization', [x, scale], { axis: -1, epsilon });
export const l2Normalize = (x: Value, axis = -1, epsilon = 1e-12): Value => one('L2Normalize', [x], { axis, epsilon });
export const crossEntropy = (logits: Value, labels: Value): Value => one('CrossEntropy', [logits, labels], {});

/** The contents of a constant, or undefined for anything computed. */
export const constantOf = (value: Value): Tensor | undefined => (value.source instanceof Constant ? value.source.tensor : undefined);

/** The number that a constant scalar holds, or undefined for anything else. */
export const scalarOf = (value: Value): number | undefined => {
  const contents = constantOf(value);
  const held = contents?.shape.length === 0 ? Number(contents.data[0]) : undefined;
  // A whole number that double precision would round is not held by any.
  return value.dtype === 'int64' && !Number.isSafeInteger(held) ? undefined : held;
};

/** x and c of a product x·c with a constant scalar, or undefined for anything else. */
export function scaled(value: Value): { x: Value; factor: number } | undefined {
  if (!(value.source instanceof Node) || value.source.op !== 'Mul') return undefined;
  const [a, b] = value.source.inputs as [Value, Value];
  const [left, right] = [scalarOf(a), scalarOf(b)];
  if (right !== undefined) return { x: a, factor: right };
  return left === undefined ? undefined : { x: b, factor: left };
}
