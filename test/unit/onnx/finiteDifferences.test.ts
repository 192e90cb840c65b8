import { describe, expect, it } from 'vitest';
import type { Value } from '../../../src/onnx/graph';
import { operators, type OperatorName } from '../../../src/onnx/operators';
import * as ops from '../../../src/onnx/ops';
import { size, type DType, type Shape } from '../../../src/onnx/types';
import { compareWithDifferences, type Comparison, indices, some, weighted, type Precision } from '../support/differences';
import { fed, type Fed } from '../support/evaluate';
import { Random, seedOfRun } from '../support/random';

/** ONNX Runtime's CPU kernels of these know single precision only: wider steps, looser bounds. */
const SINGLE = new Set(['Erf', 'Gelu', 'FusedMatMul', 'Softplus', 'LayerNormalization', 'Cast']);
const ROUNDS = 4;

interface Trial {
  readonly feeds: readonly Fed[];
  readonly outputs: readonly Value[];
}

type Make = (random: Random, dtype: DType) => Trial;

/** Distinct values, so that no small step changes which is largest. */
const distinct = (random: Random, dtype: DType, shape: Shape): Fed =>
  fed(
    dtype,
    shape,
    random.permutation(size(shape)).map((rank) => rank * 0.3 - 2),
  );

const trial = (feeds: readonly Fed[], ...outputs: readonly Value[]): Trial => ({ feeds, outputs });

/** Two shapes that broadcast with each other, each stretched in places. */
function broadcastable(random: Random): [Shape, Shape] {
  const full = random.shape(random.integer(0, 3));
  const thin = (shape: Shape): number[] =>
    shape.map((extent) => (random.integer(0, 2) ? extent : 1)).slice(random.integer(0, shape.length));
  return random.integer(0, 1) ? [full, thin(full)] : [thin(full), full];
}

const unary =
  (op: (x: Value) => Value, low = -2, high = 2): Make =>
  (random, dtype) => {
    const x = some(random, dtype, random.shape(random.integer(0, 3)), low, high);
    return trial([x], op(x.value));
  };

const binary =
  (op: (a: Value, b: Value) => Value, make: (random: Random, dtype: DType, shape: Shape) => Fed = some): Make =>
  (random, dtype) => {
    const [left, right] = broadcastable(random);
    const [a, b] = [make(random, dtype, left), make(random, dtype, right)];
    return trial([a, b], op(a.value, b.value));
  };

const positive = (random: Random, dtype: DType, shape: Shape): Fed => some(random, dtype, shape, 0.5, 2);

const reduction =
  (op: (x: Value, options: { axes: number[]; keepdims: number }) => Value, make = some): Make =>
  (random, dtype) => {
    const shape = random.shape(random.integer(1, 3));
    const axes = random
      .permutation(shape.length)
      .slice(0, random.integer(1, shape.length))
      .map((axis) => (random.integer(0, 1) ? axis : axis - shape.length));
    const x = make(random, dtype, shape);
    return trial([x], op(x.value, { axes, keepdims: random.integer(0, 1) }));
  };

const alongAxis =
  (op: (x: Value, axis: number) => Value): Make =>
  (random, dtype) => {
    const shape = random.shape(random.integer(1, 3));
    const x = some(random, dtype, shape);
    return trial([x], op(x.value, random.integer(-shape.length, shape.length - 1)));
  };

const matrices =
  (op: 'gemm' | 'fusedMatMul'): Make =>
  (random, dtype) => {
    const [m, k, n] = random.shape(3) as [number, number, number];
    const [transA, transB] = [random.integer(0, 1), random.integer(0, 1)];
    const [left, right]: [number[], number[]] = [transA ? [k, m] : [m, k], transB ? [n, k] : [k, n]];
    const batch = op === 'gemm' ? [] : random.shape(random.integer(0, 2), 3);
    const [a, b] = [
      some(random, dtype, [...batch, ...left]),
      some(random, dtype, [...(random.integer(0, 1) ? batch : batch.map(() => 1)), ...right]),
    ];
    const alpha = random.number(0.5, 2);
    if (op === 'fusedMatMul') {
      // The same operands with their rows before the batch.
      const [transBatchA, transBatchB] = batch.length > 0 ? [random.integer(0, 1), random.integer(0, 1)] : [0, 0];
      const turned = (operand: Fed, turn: number): Fed => {
        const { shape, data } = operand.tensor;
        return turn ? fed(dtype, [shape.at(-2)!, ...shape.slice(0, -2), shape.at(-1)!], data as Float64Array) : operand;
      };
      const operands = [turned(a, transBatchA), turned(b, transBatchB)] as const;
      return trial(operands, ops.fusedMatMul(operands[0].value, operands[1].value, { transA, transB, transBatchA, transBatchB, alpha }));
    }
    const c = some(random, dtype, random.pick([[m, n], [n], [1, n], [m, 1], []]));
    return trial([a, b, c], ops.gemm(a.value, b.value, c.value, { transA, transB, alpha, beta: random.number(0.5, 2) }));
  };

const makers: Record<
  Exclude<OperatorName, 'And' | 'Or' | 'Not' | 'Equal' | 'Less' | 'LessOrEqual' | 'Greater' | 'GreaterOrEqual' | 'IsNaN' | 'ArgMax'>,
  Make
> = {
  Add: binary(ops.add),
  Sub: binary(ops.sub),
  Mul: binary(ops.mul),
  Div: binary(ops.div, positive),
  Pow: binary(ops.pow, positive),
  Mod: (random, dtype) => {
    const [left, right] = broadcastable(random);
    // Odd numbers by about two: far from where the quotient jumps.
    const odd = Array.from({ length: size(left) }, () => 2 * random.integer(-4, 3) + 1);
    const [a, b] = [fed(dtype, left, odd), some(random, dtype, right, 1.9, 2.1)];
    return trial([a, b], ops.mod(a.value, b.value));
  },
  Max: binary(ops.max),
  Min: binary(ops.min),
  Neg: unary(ops.neg),
  Exp: unary(ops.exp),
  Log: unary(ops.log, 0.5, 3),
  Sqrt: unary(ops.sqrt, 0.5, 3),
  Reciprocal: unary(ops.reciprocal, 0.5, 3),
  Abs: unary(ops.abs, 0.1, 2),
  Sign: unary(ops.sign, 0.1, 2),
  Relu: unary(ops.relu, 0.1, 2),
  Sin: unary(ops.sin),
  Cos: unary(ops.cos),
  Tanh: unary(ops.tanh),
  Sigmoid: unary(ops.sigmoid),
  Softplus: unary(ops.softplus),
  Erf: unary(ops.erf),
  Identity: unary(ops.identity),
  Gelu: (random, dtype) => unary((x) => ops.gelu(x, random.pick(['none', 'tanh'])))(random, dtype),
  Clip: (random, dtype) => {
    const x = fed(
      dtype,
      [6],
      [-2, -1.2, -0.4, 0.3, 0.9, 1.7].map((value) => value + random.number(0, 0.05)),
    );
    return trial([x], ops.clip(x.value, -1, 1));
  },
  Cast: unary((x) => ops.cast(ops.cast(x, x.dtype === 'float64' ? 'float32' : 'float64'), x.dtype)),
  Where: (random, dtype) => {
    const [left, right] = broadcastable(random);
    const [a, b] = [some(random, dtype, left), some(random, dtype, right)];
    const condition = fed(
      'bool',
      left,
      Array.from({ length: size(left) }, () => random.integer(0, 1)),
    );
    return trial([condition, a, b], ops.where(condition.value, a.value, b.value));
  },
  ReduceSum: reduction(ops.reduceSum),
  ReduceMean: reduction(ops.reduceMean),
  ReduceSumSquare: reduction(ops.reduceSumSquare),
  ReduceL2: reduction(ops.reduceL2, positive),
  ReduceLogSumExp: reduction(ops.reduceLogSumExp),
  ReduceMax: reduction(ops.reduceMax, distinct),
  ReduceMin: reduction(ops.reduceMin, distinct),
  MatMul: (random, dtype) => {
    const [m, k, n] = random.shape(3) as [number, number, number];
    const batch = random.shape(random.integer(0, 2), 3);
    const left = random.integer(0, 3) ? [...batch, m, k] : [k];
    const right = random.integer(0, 3) ? [...batch.map((extent) => (random.integer(0, 1) ? extent : 1)), k, n] : [k];
    const [a, b] = [some(random, dtype, left), some(random, dtype, right)];
    return trial([a, b], ops.matMul(a.value, b.value));
  },
  Gemm: matrices('gemm'),
  FusedMatMul: matrices('fusedMatMul'),
  Reshape: (random, dtype) => {
    const x = some(random, dtype, [2, 3, 2]);
    return trial([x], ops.reshape(x.value, random.pick([[12], [4, 3], [-1, 2], [1, 12, 1]])));
  },
  Expand: (random, dtype) => {
    const full = random.shape(3);
    const x = some(random, dtype, full.map((extent) => (random.integer(0, 1) ? extent : 1)).slice(random.integer(0, 2)));
    return trial([x], ops.expand(x.value, full));
  },
  Transpose: (random, dtype) => {
    const x = some(random, dtype, random.shape(3));
    return trial([x], ops.transpose(x.value, random.permutation(3)));
  },
  Squeeze: (random, dtype) => {
    const x = some(random, dtype, [1, random.integer(1, 4), 1]);
    return trial([x], ops.squeeze(x.value, random.pick([[0], [-1], [0, 2]])));
  },
  Unsqueeze: (random, dtype) => {
    const x = some(random, dtype, random.shape(2));
    return trial([x], ops.unsqueeze(x.value, random.pick([[0], [2], [0, 3], [-1]])));
  },
  Concat: (random, dtype) => {
    const shape = random.shape(3);
    const axis = random.integer(-3, 2);
    const parts = Array.from({ length: random.integer(1, 3) }, () => some(random, dtype, shape.with(axis, random.integer(1, 3))));
    return trial(
      parts,
      ops.concat(
        parts.map((part) => part.value),
        axis,
      ),
    );
  },
  Split: (random, dtype) => {
    const parts = random.shape(3, 3);
    const x = some(random, dtype, [2, parts.reduce((a, b) => a + b), 2]);
    // One of the outputs is not used.
    return trial([x], ...ops.split(x.value, parts, 1).filter((_, i) => i !== 1));
  },
  Slice: (random, dtype) => {
    const x = some(random, dtype, [random.integer(3, 6), random.integer(3, 6)]);
    const step = random.pick([1, 2, -1, -2]);
    const bounds = step > 0 ? [random.integer(0, 1), random.pick([2, 3, 100, -1])] : [random.pick([-1, 2, 100]), random.pick([0, -100])];
    return trial([x], ops.slice(x.value, [bounds[0]!], [bounds[1]!], [random.integer(-2, 1)], [step]));
  },
  Pad: (random, dtype) => {
    const x = some(random, dtype, random.shape(2));
    return trial(
      [x],
      ops.pad(
        x.value,
        Array.from({ length: 4 }, () => random.integer(0, 2)),
        random.number(-1, 1),
      ),
    );
  },
  Gather: (random, dtype) => {
    const shape = random.shape(3);
    const axis = random.integer(-3, 2);
    const [x, at] = [some(random, dtype, shape), indices(random, random.shape(random.integer(0, 2)), shape.at(axis)!)];
    return trial([x, at], ops.gather(x.value, at.value, axis));
  },
  GatherElements: (random, dtype) => {
    const shape = random.shape(2);
    const axis = random.integer(-2, 1);
    const [x, at] = [some(random, dtype, shape), indices(random, shape.with(axis, random.integer(1, 5)), shape.at(axis)!)];
    return trial([x, at], ops.gatherElements(x.value, at.value, axis));
  },
  GatherND: (random, dtype) => {
    const extent = random.integer(1, 4);
    const [x, at] = [some(random, dtype, [extent, extent, 2]), indices(random, [random.integer(1, 5), random.integer(1, 2)], extent)];
    return trial([x, at], ops.gatherND(x.value, at.value));
  },
  ScatterND: (random, dtype) => {
    const rows = random.integer(2, 5);
    const add = random.integer(0, 1) === 1;
    // Where values replace, each place is written once: which of two wins is not defined.
    const places = add ? Array.from({ length: 4 }, () => random.integer(0, rows - 1)) : random.permutation(rows).slice(0, 2);
    const [data, at, updates] = [
      some(random, dtype, [rows, 3]),
      fed('int64', [places.length, 1], places),
      some(random, dtype, [places.length, 3]),
    ];
    return trial([data, at, updates], ops.scatterND(data.value, at.value, updates.value, add ? 'add' : 'none'));
  },
  ScatterElements: (random, dtype) => {
    const rows = random.integer(2, 5);
    const add = random.integer(0, 1) === 1;
    const places = add
      ? Array.from({ length: 6 }, () => random.integer(0, rows - 1))
      : [...random.permutation(rows).slice(0, 2), ...random.permutation(rows).slice(0, 2)];
    const at = fed('int64', [2, places.length / 2], places);
    const [data, updates] = [some(random, dtype, [2, rows]), some(random, dtype, [2, places.length / 2])];
    return trial([data, at, updates], ops.scatterElements(data.value, at.value, updates.value, 1, add ? 'add' : 'none'));
  },
  CumSum: (random, dtype) =>
    alongAxis((x, axis) => ops.cumSum(x, axis, { exclusive: random.integer(0, 1), reverse: random.integer(0, 1) }))(random, dtype),
  Softmax: alongAxis(ops.softmax),
  LogSoftmax: alongAxis(ops.logSoftmax),
  L2Normalize: alongAxis((x, axis) => ops.l2Normalize(x, axis)),
  LayerNormalization: (random, dtype) => {
    const width = random.integer(3, 6);
    // Rows of nearly equal elements have next to no variance, and curve too sharply for differences.
    const [x, scale, bias] = [
      distinct(random, dtype, [...random.shape(random.integer(1, 2)), width]),
      some(random, dtype, [width]),
      some(random, dtype, [width]),
    ];
    return trial([x, scale, bias], ops.layerNormalization(x.value, scale.value, bias.value, 1e-5));
  },
  RMSNormalization: (random, dtype) => {
    const width = random.integer(2, 6);
    const [x, scale] = [some(random, dtype, [...random.shape(random.integer(1, 2)), width]), some(random, dtype, [width])];
    return trial([x, scale], ops.rmsNormalization(x.value, scale.value, 1e-5));
  },
  CrossEntropy: (random, dtype) => {
    const [rows, classes] = [random.integer(1, 4), random.integer(2, 5)];
    const [logits, labels] = [some(random, dtype, [rows, classes]), indices(random, [rows], classes)];
    return trial([logits, labels], ops.crossEntropy(logits.value, labels.value));
  },
};

describe(`gradients agree with central finite differences (SEED=${seedOfRun})`, () => {
  for (const [op, make] of Object.entries(makers)) {
    it(op, async () => {
      for (let round = 0; round < ROUNDS; round++) await compare(make(new Random(seedOfRun + round), precisionOf(op)), precisionOf(op));
    });
  }

  it.each([
    // Its gradient is made of the statistics, which ONNX has in single precision.
    ['LayerNormalization', makers.LayerNormalization, 2e-5],
    ['Gelu by tanh', unary((x) => ops.gelu(x, 'tanh')), undefined],
  ])('%s in double precision, as it is written for the CPU', async (_, make, tolerance) => {
    for (let round = 0; round < ROUNDS; round++)
      await compare(make(new Random(seedOfRun + round), 'float64'), 'float64', { target: 'cpu', tolerance });
  });

  it('covers every operator with a gradient rule', () => {
    const rules = Object.entries(operators)
      .filter(([, row]) => row.gradient)
      .map(([op]) => op);
    expect(new Set(Object.keys(makers))).toEqual(new Set(rules));
  });
});

const precisionOf = (op: string): Precision => (SINGLE.has(op) ? 'float32' : 'float64');

async function compare({ feeds, outputs }: Trial, dtype: Precision, comparison?: Comparison): Promise<void> {
  const { loss, weights } = weighted(new Random(seedOfRun), outputs);
  await compareWithDifferences(loss, feeds, weights, dtype, comparison);
}
