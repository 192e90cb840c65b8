import type { Value } from '../../../src/onnx/graph';
import type { OperatorName } from '../../../src/onnx/operators';
import * as ops from '../../../src/onnx/ops';
import { broadcast, size, type DType, type Shape } from '../../../src/onnx/types';
import { indices, some } from './differences';
import { fed, type Fed } from './evaluate';
import type { Random } from './random';

/** A value gets no larger than this, so that differences stay cheap. */
const MOST_ELEMENTS = 48;

/** Grows a random graph, one operator on random earlier values at a time. Values are kept small enough that differences are accurate. */
export class RandomGraph {
  readonly feeds: Fed[] = [];
  /** What is fed and not differentiated. */
  readonly constants: Fed[] = [];
  readonly values: Value[] = [];

  constructor(
    readonly random: Random,
    readonly dtype: DType,
  ) {
    for (let i = random.integer(1, 3); i > 0; i--) this.values.push(this.input(random.shape(random.integer(0, 3))));
  }

  input(shape: Shape): Value {
    const made = some(this.random, this.dtype, shape);
    this.feeds.push(made);
    return made.value;
  }

  indices(shape: Shape, below: number): Value {
    const made = indices(this.random, shape, below);
    this.constants.push(made);
    return made.value;
  }

  mask(shape: Shape): Value {
    const made = fed(
      'bool',
      shape,
      Array.from({ length: size(shape) }, () => this.random.integer(0, 1)),
    );
    this.constants.push(made);
    return made.value;
  }

  /** An earlier value, of at least a rank. */
  earlier(rank = 0): Value {
    const fitting = this.values.filter((value) => value.rank >= rank && size(value.shape) > 0);
    return fitting.length > 0 ? this.random.pick(fitting) : this.input(this.random.shape(rank));
  }

  /** An earlier value that broadcasts with another, or a new input that does. */
  companion({ shape }: Value): Value {
    const fitting = this.values.filter((value) => {
      const result = broadcast(value.shape, shape);
      return result && size(result) <= MOST_ELEMENTS;
    });
    if (fitting.length > 0 && this.random.integer(0, 2)) return this.random.pick(fitting);
    return this.input(shape.map((extent) => (this.random.integer(0, 2) ? extent : 1)).slice(this.random.integer(0, shape.length)));
  }

  axes(rank: number): number[] {
    return this.random
      .permutation(rank)
      .slice(0, this.random.integer(1, rank))
      .map((axis) => (this.random.integer(0, 1) ? axis : axis - rank));
  }

  axis(rank: number): number {
    return this.random.integer(-rank, rank - 1);
  }

  /** Applies an operator to earlier values and keeps the results; those that would be too large are left out. */
  grow(op: keyof typeof growth): void {
    const made = growth[op](this);
    for (const value of Array.isArray(made) ? made : [made]) {
      if (size(value.shape) > MOST_ELEMENTS) continue;
      // Bounded, so that a long chain of operators neither overflows nor curves too sharply.
      this.values.push(bounded.has(op) ? value : ops.tanh(ops.mul(value, 0.5)));
    }
  }
}

/** Operators whose results are no larger than what they are given. */
const bounded = new Set<OperatorName>([
  'Reshape',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Concat',
  'Split',
  'Slice',
  'Gather',
  'Softmax',
  'Where',
]);

const positive = (x: Value): Value => ops.add(ops.mul(x, x), 0.5);

type Grow = (graph: RandomGraph) => Value | Value[];

const unary =
  (op: (x: Value) => Value): Grow =>
  (graph) =>
    op(graph.earlier());

const binary =
  (op: (a: Value, b: Value) => Value): Grow =>
  (graph) => {
    const a = graph.earlier();
    const b = graph.companion(a);
    return graph.random.integer(0, 1) ? op(a, b) : op(b, a);
  };

const reduction =
  (op: typeof ops.reduceSum): Grow =>
  (graph) => {
    const x = graph.earlier(1);
    return op(x, { axes: graph.axes(x.rank), keepdims: graph.random.integer(0, 1) });
  };

const along =
  (op: (x: Value, axis: number) => Value): Grow =>
  (graph) => {
    const x = graph.earlier(1);
    return op(x, graph.axis(x.rank));
  };

/** Sizes of the batch and of the matrices of a product with an earlier value. */
const product =
  (op: 'matMul' | 'gemm' | 'fusedMatMul'): Grow =>
  (graph) => {
    const { random } = graph;
    const fits = graph.values.filter(({ rank }) => (op === 'gemm' ? rank === 2 : rank >= (op === 'matMul' ? 1 : 2)));
    const a = fits.length > 0 ? random.pick(fits) : graph.input(random.shape(2));
    if (op === 'matMul') {
      const k = a.shape.at(-1)!;
      const batch = a.shape.slice(0, -2).map((extent) => (random.integer(0, 1) ? extent : 1));
      const b = graph.input(random.integer(0, 4) ? [...batch, k, random.integer(1, 3)] : [k]);
      return ops.matMul(a, b);
    }
    const [transA, transB] = [random.integer(0, 1), random.integer(0, 1)];
    const k = a.shape.at(transA ? -2 : -1)!;
    const n = random.integer(1, 3);
    const matrix = transB ? [n, k] : [k, n];
    const alpha = random.number(0.5, 1.5);
    if (op === 'gemm') {
      const m = a.shape.at(transA ? -1 : -2)!;
      const c = random.integer(0, 1) ? graph.input(random.pick([[n], [m, 1], [m, n], []])) : undefined;
      return ops.gemm(a, graph.input(matrix), c, { transA, transB, alpha, ...(c && { beta: random.number(0.5, 1.5) }) });
    }
    const batch = a.shape.slice(0, -2);
    return ops.fusedMatMul(a, graph.input([...batch, ...matrix]), { transA, transB, alpha });
  };

/** How each operator is applied to earlier values. */
export const growth = {
  Add: binary(ops.add),
  Sub: binary(ops.sub),
  Mul: binary(ops.mul),
  Div: binary((a, b) => ops.div(a, positive(b))),
  Pow: binary((a, b) => ops.pow(positive(a), ops.tanh(b))),
  Mod: binary((a, b) => ops.mod(a, positive(b))),
  Max: binary(ops.max),
  Min: binary(ops.min),
  Neg: unary(ops.neg),
  Exp: unary((x) => ops.exp(ops.tanh(x))),
  Log: unary((x) => ops.log(positive(x))),
  Sqrt: unary((x) => ops.sqrt(positive(x))),
  Reciprocal: unary((x) => ops.reciprocal(positive(x))),
  Abs: unary(ops.abs),
  Relu: unary(ops.relu),
  Tanh: unary(ops.tanh),
  Sigmoid: unary(ops.sigmoid),
  Sin: unary(ops.sin),
  Cos: unary(ops.cos),
  Identity: unary(ops.identity),
  Clip: unary((x) => ops.clip(x, -0.7, 0.9)),
  Where: (graph) => {
    const a = graph.earlier();
    const b = graph.companion(a);
    return ops.where(graph.mask(a.shape), a, b);
  },
  ReduceSum: reduction(ops.reduceSum),
  ReduceMean: reduction(ops.reduceMean),
  ReduceSumSquare: reduction(ops.reduceSumSquare),
  ReduceL2: reduction((x, options) => ops.reduceL2(positive(x), options)),
  ReduceLogSumExp: reduction(ops.reduceLogSumExp),
  ReduceMax: reduction(ops.reduceMax),
  ReduceMin: reduction(ops.reduceMin),
  MatMul: product('matMul'),
  Gemm: product('gemm'),
  FusedMatMul: product('fusedMatMul'),
  CumSum: (graph) => {
    const x = graph.earlier(1);
    return ops.cumSum(x, graph.axis(x.rank), { exclusive: graph.random.integer(0, 1), reverse: graph.random.integer(0, 1) });
  },
  Softmax: along(ops.softmax),
  LogSoftmax: along(ops.logSoftmax),
  L2Normalize: along((x, axis) => ops.l2Normalize(positive(x), axis)),
  RMSNormalization: (graph) => {
    const x = graph.earlier(1);
    return ops.rmsNormalization(x, graph.input(x.shape.slice(-1)), 0.1);
  },
  LayerNormalization: (graph) => {
    const x = graph.earlier(1);
    const width = x.shape.slice(-1);
    return ops.layerNormalization(x, graph.input(width), graph.input(width), 0.1);
  },
  CrossEntropy: (graph) => {
    const x = graph.earlier(1);
    const [classes] = x.shape.slice(-1) as [number];
    const logits = ops.reshape(x, [size(x.shape) / classes, classes]);
    return ops.crossEntropy(logits, graph.indices([logits.shape[0]!], classes));
  },
  Gelu: (graph) => ops.gelu(graph.earlier(), graph.random.pick(['none', 'tanh'])),
  Erf: unary(ops.erf),
  Softplus: unary(ops.softplus),
  Reshape: (graph) => {
    const x = graph.earlier();
    const count = size(x.shape);
    const divisors = Array.from({ length: count }, (_, i) => i + 1).filter((i) => count % i === 0);
    const first = graph.random.pick(divisors);
    return ops.reshape(x, graph.random.pick([[count], [first, -1], [-1, first], [1, first, count / first]]));
  },
  Expand: (graph) => {
    const x = graph.earlier();
    return ops.expand(x, [
      ...graph.random.shape(graph.random.integer(0, 1), 2),
      ...x.shape.map((extent) => (extent === 1 ? graph.random.integer(1, 2) : extent)),
    ]);
  },
  Transpose: (graph) => {
    const x = graph.earlier(1);
    return ops.transpose(x, graph.random.permutation(x.rank));
  },
  Squeeze: (graph) => {
    const x = graph.earlier();
    return ops.squeeze(ops.unsqueeze(x, [0]), [0]);
  },
  Unsqueeze: (graph) => {
    const x = graph.earlier();
    return ops.unsqueeze(x, [graph.random.integer(-x.rank - 1, x.rank)]);
  },
  Concat: (graph) => {
    const x = graph.earlier(1);
    const axis = graph.axis(x.rank);
    return ops.concat([x, graph.input(x.shape.with(axis, graph.random.integer(1, 2))), x].slice(0, graph.random.integer(2, 3)), axis);
  },
  Split: (graph) => {
    const x = graph.earlier(1);
    const axis = graph.axis(x.rank);
    const extent = x.shape.at(axis)!;
    const first = graph.random.integer(1, extent);
    return first === extent ? x : [...ops.split(x, [first, extent - first], axis)];
  },
  Slice: (graph) => {
    const x = graph.earlier(1);
    const axis = graph.axis(x.rank);
    const extent = x.shape.at(axis)!;
    return graph.random.integer(0, 1)
      ? ops.slice(x, [graph.random.integer(0, extent - 1)], [extent], [axis], [graph.random.integer(1, 2)])
      : ops.slice(x, [-1], [-extent - 1], [axis], [-graph.random.integer(1, 2)]);
  },
  Pad: (graph) => {
    const x = graph.earlier(1);
    return ops.pad(
      x,
      Array.from({ length: 2 * x.rank }, () => graph.random.integer(0, 1)),
      graph.random.number(-1, 1),
    );
  },
  Gather: (graph) => {
    const x = graph.earlier(1);
    const axis = graph.axis(x.rank);
    return ops.gather(x, graph.indices(graph.random.shape(graph.random.integer(0, 2), 3), x.shape.at(axis)!), axis);
  },
  GatherElements: (graph) => {
    const x = graph.earlier(1);
    const axis = graph.axis(x.rank);
    return ops.gatherElements(x, graph.indices(x.shape.with(axis, graph.random.integer(1, 3)), x.shape.at(axis)!), axis);
  },
  GatherND: (graph) => {
    const x = graph.earlier(1);
    return ops.gatherND(x, graph.indices([graph.random.integer(1, 3), 1], x.shape[0]!));
  },
  ScatterND: (graph) => {
    const x = graph.earlier(1);
    const count = graph.random.integer(1, 3);
    return ops.scatterND(x, graph.indices([count, 1], x.shape[0]!), graph.input([count, ...x.shape.slice(1)]), 'add');
  },
  ScatterElements: (graph) => {
    const x = graph.earlier(1);
    const axis = graph.axis(x.rank);
    const shape = x.shape.with(axis, graph.random.integer(1, 3));
    return ops.scatterElements(x, graph.indices(shape, x.shape.at(axis)!), graph.input(shape), axis, 'add');
  },
} satisfies Partial<Record<OperatorName, Grow>>;
