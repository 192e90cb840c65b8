import type { Value } from '../graph';
import * as ops from '../ops';
import { isFloat, normaliseAxis, size, tensor, type Shape } from '../types';
import type { ReadNode } from './node';
import { dtypeOf } from './tensors';

/** Writes a node of a model in the compiler's operators. */
type Adapter = (node: ReadNode) => Value | readonly Value[];

const unary =
  (op: (x: Value) => Value): Adapter =>
  (node) =>
    op(node.operand(0));

const binary =
  (op: (a: Value, b: Value) => Value): Adapter =>
  (node) =>
    op(node.operand(0), node.operand(1));

/** Operators of any number of operands, taken two at a time. */
const variadic =
  (op: (a: Value, b: Value) => Value): Adapter =>
  (node) =>
    given(node).reduce(op);

/** The operands that are not left out. */
function given(node: ReadNode): Value[] {
  const values = node.operands.filter((value) => value !== undefined);
  return values.length > 0 ? values : node.fail('it has no operands');
}

const reduction =
  (op: typeof ops.reduceSum): Adapter =>
  (node) => {
    const axes = node.intsOf('axes', 1);
    if (axes?.length === 0 && node.int('noop_with_empty_axes', 0)) return node.operand(0);
    return op(node.operand(0), { ...(axes && axes.length > 0 && { axes }), keepdims: node.int('keepdims', 1) });
  };

/** Before opset 13 a softmax was over all axes from `axis` on, as one; since then it is over that axis alone. */
const softmax =
  (op: (x: Value, axis: number) => Value): Adapter =>
  (node) => {
    const x = node.operand(0);
    if (node.opset >= 13) return op(x, node.int('axis', -1));
    const axis = normaliseAxis(node.int('axis', 1), x.rank);
    const flat = ops.reshape(x, [size(x.shape.slice(0, axis)), size(x.shape.slice(axis))]);
    return ops.reshape(op(flat, 1), x.shape);
  };

const scatterReduction = (node: ReadNode): 'none' | 'add' => {
  const kind = node.text('reduction', 'none');
  return kind === 'none' || kind === 'add' ? kind : node.fail(`the reduction "${kind}" cannot be read`);
};

/** An operand that a shape is read from, as extents. */
const shapeOperand = (node: ReadNode, i: number): Shape => node.constantInts(i, 'shape') ?? node.fail('it has no shape');

const int64 = (values: readonly number[]): Value => ops.vector('int64', values);

/** The ONNX operators that can be read, by name. */
export const adapters: Readonly<Record<string, Adapter>> = {
  Add: binary(ops.add),
  Sub: binary(ops.sub),
  Mul: binary(ops.mul),
  Div: binary(ops.div),
  Pow: binary((a, b) => ops.pow(a, ops.cast(b, a.dtype))),
  Mod: (node) => ops.apply('Mod', [node.operand(0), node.operand(1)], { fmod: node.int('fmod', 0) }),
  Max: variadic(ops.max),
  Min: variadic(ops.min),
  Sum: variadic(ops.add),
  Mean: (node) => ops.mul(given(node).reduce(ops.add), 1 / given(node).length),
  Equal: binary(ops.equal),
  Less: binary(ops.less),
  LessOrEqual: binary(ops.lessOrEqual),
  Greater: binary(ops.greater),
  GreaterOrEqual: binary(ops.greaterOrEqual),
  And: binary(ops.and),
  Or: binary(ops.or),
  Not: unary(ops.not),
  IsNaN: unary(ops.isNaN),
  Neg: unary(ops.neg),
  Exp: unary(ops.exp),
  Log: unary(ops.log),
  Sqrt: unary(ops.sqrt),
  Reciprocal: unary(ops.reciprocal),
  Abs: unary(ops.abs),
  Sign: unary(ops.sign),
  Relu: unary(ops.relu),
  LeakyRelu: (node) => {
    const x = node.operand(0);
    return ops.where(ops.greater(x, 0), x, ops.mul(x, node.float('alpha', 0.01)));
  },
  Sin: unary(ops.sin),
  Cos: unary(ops.cos),
  Tanh: unary(ops.tanh),
  Sigmoid: unary(ops.sigmoid),
  Softplus: unary(ops.softplus),
  Erf: unary(ops.erf),
  Identity: unary((x) => x),
  // What is only there for training has no effect on a model as it was exported.
  Dropout: (node) => {
    const x = node.operand(0);
    return [x, ops.expand(ops.scalar('bool', 1), x.shape)];
  },
  Gelu: (node) => ops.gelu(node.operand(0), node.text('approximate', 'none') === 'tanh' ? 'tanh' : 'none'),
  Clip: (node) => {
    const low = node.constantNumber(1, 'lower bound') ?? node.float('min', -Infinity);
    const high = node.constantNumber(2, 'upper bound') ?? node.float('max', Infinity);
    return ops.clip(node.operand(0), low, high);
  },
  Where: (node) => ops.where(node.operand(0), node.operand(1), node.operand(2)),
  Cast: (node) => ops.cast(node.operand(0), dtypeOf(node.int('to', 0), `The result of Cast "${node.proto.name}"`)),
  CastLike: binary((x, like) => ops.cast(x, like.dtype)),

  ReduceSum: reduction(ops.reduceSum),
  ReduceMean: reduction(ops.reduceMean),
  ReduceMax: reduction(ops.reduceMax),
  ReduceMin: reduction(ops.reduceMin),
  ReduceSumSquare: reduction(ops.reduceSumSquare),
  ReduceL2: reduction(ops.reduceL2),
  ReduceLogSumExp: reduction(ops.reduceLogSumExp),
  CumSum: (node) =>
    ops.cumSum(node.operand(0), node.constantNumber(1, 'axis') ?? 0, {
      exclusive: node.int('exclusive', 0),
      reverse: node.int('reverse', 0),
    }),
  ArgMax: (node) => {
    const x = node.operand(0);
    const axis = normaliseAxis(node.int('axis', 0), x.rank);
    if (node.int('select_last_index', 0)) node.fail('of equal elements only the first can be selected');
    const places = ops.argMax(x, axis);
    return node.int('keepdims', 1) ? ops.unsqueeze(places, [axis]) : places;
  },

  MatMul: binary(ops.matMul),
  FusedMatMul: (node) =>
    ops.fusedMatMul(node.operand(0), node.operand(1), {
      alpha: node.float('alpha', 1),
      transA: node.int('transA', 0),
      transB: node.int('transB', 0),
      transBatchA: node.int('transBatchA', 0),
      transBatchB: node.int('transBatchB', 0),
    }),
  Gemm: (node) =>
    ops.gemm(node.operand(0), node.operand(1), node.operands[2], {
      alpha: node.float('alpha', 1),
      ...(node.operands[2] && { beta: node.float('beta', 1) }),
      transA: node.int('transA', 0),
      transB: node.int('transB', 0),
    }),

  Constant: (node) => {
    const held = node.tensor('value');
    if (held) return ops.constant(held);
    if (node.has('value_int')) return ops.scalar('int64', node.int('value_int', 0));
    if (node.has('value_float')) return ops.scalar('float32', node.float('value_float', 0));
    const [whole, real] = [node.ints('value_ints'), node.floats('value_floats')];
    if (whole) return int64(whole);
    return real ? ops.vector('float32', real) : node.fail('it holds no number');
  },
  ConstantOfShape: (node) => {
    const value = node.tensor('value') ?? tensor('float32', [1], [0]);
    return ops.expand(ops.reshape(ops.constant(value), []), shapeOperand(node, 0));
  },
  Shape: (node) => {
    const { shape } = node.operand(0);
    return int64(shape.slice(node.int('start', 0), node.int('end', shape.length)));
  },
  Size: (node) => ops.scalar('int64', size(node.operand(0).shape)),
  Range: (node) => {
    const [start, limit, step] = [0, 1, 2].map((i) => node.constantNumber(i, 'range') ?? node.fail('a bound is missing')) as [
      number,
      number,
      number,
    ];
    const count = Math.max(0, Math.ceil((limit - start) / step));
    if (!(count <= LONGEST_RANGE)) node.fail(`a range of ${count} numbers is too long`);
    const { dtype } = node.operand(0);
    return ops.constant(
      tensor(
        dtype,
        [count],
        Array.from({ length: count }, (_, i) => start + i * step),
      ),
    );
  },
  Reshape: (node) => {
    const x = node.operand(0);
    const wanted = shapeOperand(node, 1);
    const target = node.int('allowzero', 0) ? wanted : wanted.map((extent, axis) => (extent === 0 ? (x.shape[axis] ?? 0) : extent));
    return ops.reshape(x, target);
  },
  Flatten: (node) => {
    const { shape } = node.operand(0);
    const axis = node.int('axis', 1);
    return ops.reshape(node.operand(0), [size(shape.slice(0, axis)), size(shape.slice(axis))]);
  },
  Expand: (node) => ops.expand(node.operand(0), shapeOperand(node, 1)),
  Transpose: (node) => ops.transpose(node.operand(0), node.ints('perm') ?? node.operand(0).shape.map((_, i, { length }) => length - 1 - i)),
  Squeeze: (node) => {
    const x = node.operand(0);
    return ops.squeeze(x, node.intsOf('axes', 1) ?? x.shape.flatMap((extent, axis) => (extent === 1 ? [axis] : [])));
  },
  Unsqueeze: (node) => ops.unsqueeze(node.operand(0), node.intsOf('axes', 1) ?? node.fail('it has no axes')),
  Concat: (node) => {
    const parts = node.operands.map((_, i) => node.operand(i));
    return ops.concat(parts, node.int('axis', 0));
  },
  Split: (node) => {
    const x = node.operand(0);
    const axis = normaliseAxis(node.int('axis', 0), x.rank);
    const [extent, count] = [x.shape[axis]!, node.proto.output.length];
    if (node.int('num_outputs', count) !== count) node.fail(`it should have ${node.int('num_outputs', count)} outputs, and has ${count}`);
    const each = Math.ceil(extent / count);
    const even = Array.from({ length: count }, (_, i) => Math.min(each, Math.max(0, extent - i * each)));
    const parts = node.intsOf('split', 1) ?? even;
    if (parts.reduce((sum, part) => sum + part, 0) !== extent) node.fail(`the parts [${parts.join(', ')}] do not add up to ${extent}`);
    return ops.split(x, parts, axis);
  },
  Slice: (node) => {
    const x = node.operand(0);
    const starts = node.intsOf('starts', 1) ?? node.fail('it has no starts');
    const ends = node.intsOf('ends', 2) ?? node.fail('it has no ends');
    const axes = node.intsOf('axes', 3) ?? starts.map((_, axis) => axis);
    const steps = node.constantInts(4, 'steps');
    if ([ends, axes, steps ?? starts].some(({ length }) => length !== starts.length))
      node.fail('it has not as many starts as ends, axes or steps');
    // Exporters write "to the end" as the largest int64, which is no number here; beyond the axis all bounds are alike.
    const within = (bound: number, i: number): number => near(bound, x.shape[normaliseAxis(axes[i]!, x.rank)]! + 1);
    return ops.slice(x, starts.map(within), ends.map(within), axes, steps?.map(within));
  },
  Pad: (node) => {
    const x = node.operand(0);
    if (node.text('mode', 'constant') !== 'constant') node.fail('only constant padding can be read');
    const given = node.intsOf('pads', 1) ?? node.fail('it has no pads');
    const axes = node.constantInts(3, 'axes') ?? x.shape.map((_, axis) => axis);
    if (given.length !== 2 * axes.length) node.fail('it needs two pads for each axis');
    const pads = new Array<number>(2 * x.rank).fill(0);
    axes.forEach((axis, i) => {
      const along = normaliseAxis(axis, x.rank);
      pads[along] = given[i]!;
      pads[along + x.rank] = given[i + axes.length]!;
    });
    return ops.pad(x, pads, node.constantNumber(2, 'value') ?? node.float('value', 0));
  },
  // Each axis is stretched beside one of its own, which is a view of the same elements however often they are repeated.
  Tile: (node) => {
    const x = node.operand(0);
    const repeats = node.constantInts(1, 'repeats') ?? node.fail('it has no repeats');
    if (repeats.length !== x.rank || !repeats.every((count) => Number.isSafeInteger(count) && count >= 1))
      node.fail(`it cannot repeat ${x.rank} axes [${repeats.join(', ')}] times`);
    const beside = (extent: number, axis: number, count: number): number[] => (repeats[axis] === 1 ? [extent] : [count, extent]);
    const apart = ops.reshape(
      x,
      x.shape.flatMap((extent, axis) => beside(extent, axis, 1)),
    );
    const stretched = ops.expand(
      apart,
      x.shape.flatMap((extent, axis) => beside(extent, axis, repeats[axis]!)),
    );
    return ops.reshape(
      stretched,
      x.shape.map((extent, axis) => extent * repeats[axis]!),
    );
  },
  Trilu: (node) => {
    const x = node.operand(0);
    const [rows, columns] = x.shape.slice(-2);
    if (rows === undefined || columns === undefined || rows + columns > LONGEST_RANGE) return node.fail('it takes matrices');
    const k = near(node.constantNumber(1, 'diagonal') ?? 0, rows + columns);
    const places = (count: number, first: number): Value => int64(Array.from({ length: count }, (_, i) => first + i));
    const [diagonal, column] = [ops.unsqueeze(places(rows, k), [1]), places(columns, 0)];
    const kept = node.int('upper', 1) ? ops.greaterOrEqual(column, diagonal) : ops.lessOrEqual(column, diagonal);
    return ops.where(kept, x, ops.like(x, 0));
  },
  Gather: (node) => ops.gather(node.operand(0), node.operand(1), node.int('axis', 0)),
  GatherElements: (node) => ops.gatherElements(node.operand(0), node.operand(1), node.int('axis', 0)),
  GatherND: (node) => {
    if (node.int('batch_dims', 0)) node.fail('batch_dims other than 0 cannot be read');
    return ops.gatherND(node.operand(0), node.operand(1));
  },
  ScatterND: (node) => ops.scatterND(node.operand(0), node.operand(1), node.operand(2), scatterReduction(node)),
  ScatterElements: (node) =>
    ops.scatterElements(node.operand(0), node.operand(1), node.operand(2), node.int('axis', 0), scatterReduction(node)),

  Softmax: softmax(ops.softmax),
  LogSoftmax: softmax(ops.logSoftmax),
  LayerNormalization: (node) => {
    const x = node.operand(0);
    const axis = normaliseAxis(node.int('axis', -1), x.rank);
    const width = size(x.shape.slice(axis));
    const matrix = ops.reshape(x, [...x.shape.slice(0, axis), width]);
    const scale = ops.reshape(node.operand(1), [width]);
    const bias = node.operands[2] ? ops.reshape(node.operands[2], [width]) : ops.zeros(scale);
    const epsilon = node.float('epsilon', 1e-5);
    const [y, ...statistics] = ops.apply('LayerNormalization', [matrix, scale, bias], { axis: -1, epsilon });
    const kept = [...x.shape.slice(0, axis), ...x.shape.slice(axis).map(() => 1)];
    return [ops.reshape(y!, x.shape), ...statistics.map((each) => ops.reshape(each, kept))];
  },
  RMSNormalization: (node) => {
    const x = node.operand(0);
    if (normaliseAxis(node.int('axis', -1), x.rank) !== x.rank - 1) node.fail('only the last axis can be normalised');
    return ops.rmsNormalization(x, node.operand(1), node.float('epsilon', 1e-5));
  },
  LpNormalization: (node) => {
    if (node.int('p', 2) !== 2) node.fail('only the Euclidean norm can be read');
    return ops.l2Normalize(node.operand(0), node.int('axis', -1));
  },
};

/** The number between −limit and limit that is nearest. */
const near = (value: number, limit: number): number => Math.min(Math.max(value, -limit), limit);

/** A longer range, or a larger matrix to be cut along its diagonal, is nothing that an exporter writes. */
const LONGEST_RANGE = 1_000_000;

/** Whether a tensor of a model is a parameter: numbers with a fraction, and more than one of them. */
export const isParameter = ({ dtype, shape }: { dtype: Value['dtype']; shape: Shape }): boolean => isFloat(dtype) && size(shape) > 1;
