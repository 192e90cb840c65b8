import { describe, expect, it } from 'vitest';
import { grad } from '../../../src/onnx/grad';
import { GraphError, input, scope, topologicalOrder, type Value } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import { optimise, type Target } from '../../../src/onnx/optimise';
import { print } from '../../../src/onnx/print';
import { size } from '../../../src/onnx/types';
import { evaluate, fed } from '../support/evaluate';
import { Random } from '../support/random';

const named = (values: Record<string, Value>): Map<string, Value> => new Map(Object.entries(values));
const opsOf = (values: Record<string, Value>, target?: Target): string[] =>
  topologicalOrder(optimise(named(values), target).values()).map(({ op }) => op);

describe('building a graph', () => {
  it('names operator, both shapes and the place when shapes do not fit', () => {
    const [a, b] = [input('a', 'float32', [2, 3]), input('b', 'float32', [4, 5])];
    expect(() => scope('encoder', () => scope('layer.0', () => ops.matMul(a, b)))).toThrow(
      new GraphError('MatMul', [a, b], 'the inner sizes 3 and 4 differ', 'encoder/layer.0'),
    );
    expect(() => ops.add(a, b)).toThrow('Add(float32[2, 3], float32[4, 5]): the shapes do not broadcast');
    expect(() => ops.add(a, input('c', 'float64', [2, 3]))).toThrow('the element types float32 and float64 differ');
  });

  it('leaves the scope as it was when building fails', () => {
    expect(() => scope('broken', () => ops.reshape(input('x', 'float32', [3]), [2]))).toThrow('in broken');
    expect(() => ops.reshape(input('x', 'float32', [3]), [2])).toThrow(/\[2\]\.$/);
  });
});

describe('grad', () => {
  it('sums the contributions of a value that is used twice', async () => {
    const x = fed('float64', [2], [3, -2]);
    const loss = ops.reduceSum(ops.add(ops.mul(x.value, x.value), ops.mul(x.value, 5)));
    const values = await evaluate(named({ g: grad(loss, [x.value])[0]! }), [x]);
    expect(values.get('g')).toEqual([11, 1]);
  });

  it('is zero for what the loss does not depend on, also through operators without a gradient', async () => {
    const [x, y] = [fed('float64', [2], [3, -2]), fed('float64', [3], [1, 2, 3])];
    const mask = ops.cast(ops.greater(x.value, 0), 'float64');
    const [gx, gy] = grad(ops.reduceSum(mask), [x.value, y.value]);
    const values = await evaluate(named({ gx: gx!, gy: gy! }), [x, y]);
    expect([values.get('gx'), values.get('gy')]).toEqual([
      [0, 0],
      [0, 0, 0],
    ]);
  });

  it('walks only the path between parameters and loss', () => {
    const [x, w] = [input('x', 'float32', [2, 2]), input('w', 'float32', [2, 2])];
    const [g] = grad(ops.reduceSum(ops.matMul(ops.exp(x), w)), [w]);
    expect(opsOf({ g: g! })).not.toContain('Mul');
  });

  it('differentiates gradients again', async () => {
    const x = fed('float64', [], [2]);
    const cube = ops.mul(ops.mul(x.value, x.value), x.value);
    const [first] = grad(cube, [x.value]);
    const [second] = grad(first!, [x.value]);
    const values = await evaluate(named({ first: first!, second: second! }), [x]);
    expect([values.get('first'), values.get('second')]).toEqual([[12], [12]]);
  });

  it('names operator, shapes and place where no gradient flows', () => {
    const [x, scale] = [input('x', 'float32', [2, 3]), input('scale', 'float32', [3])];
    const [, mean] = scope('encoder', () => ops.apply('LayerNormalization', [x, scale, scale], { axis: -1, epsilon: 1e-5 }));
    expect(() => grad(ops.reduceSum(mean!), [x])).toThrow(
      new GraphError('LayerNormalization', [x, scale, scale], 'no gradient flows through the statistics', 'encoder'),
    );
  });

  it('refuses what is not a scalar', () => {
    expect(() => grad(input('x', 'float32', [2]), [])).toThrow('only a floating-point scalar can be differentiated');
  });

  it('handles deep graphs without recursion', () => {
    const x = input('x', 'float32', []);
    let y = x;
    for (let i = 0; i < 20_000; i++) y = ops.add(y, x);
    expect(grad(y, [x])).toHaveLength(1);
  });
});

describe('reductions', () => {
  it.each([
    ['reduceSum', (x: number) => x],
    ['reduceMean', (x: number) => x],
    ['reduceMax', (x: number) => x],
    ['reduceMin', (x: number) => x],
    ['reduceLogSumExp', (x: number) => x],
    ['reduceSumSquare', (x: number) => x * x],
    ['reduceL2', Math.abs],
  ] as const)('%s over no axis is of each element alone', async (reduce, of) => {
    const x = fed('float64', [2, 2], [1, -2, 3, -4]);
    for (const keepdims of [0, 1]) {
      const y = ops[reduce](x.value, { axes: [], keepdims });
      expect(y.shape).toEqual([2, 2]);
      const values = await evaluate(named({ y, g: grad(ops.reduceSum(y), [x.value])[0]! }), [x]);
      expect(values.get('y')).toEqual([1, -2, 3, -4].map(of));
      expect(values.get('g')).toHaveLength(4);
    }
  });

  it('are never written without axes, by which ONNX means all of them', () => {
    const x = input('x', 'float32', [2, 3]);
    expect(() => ops.apply('ReduceSum', [x], { axes: [] })).toThrow('ReduceSum(float32[2, 3]): without axes ONNX reduces all of them');
    expect(() => ops.apply('ReduceMax', [x], { axes: [] })).toThrow('without axes ONNX reduces all of them');
  });
});

describe('gradients at the edges of their domains', () => {
  const gradientOf = async (x: ReturnType<typeof fed>, y: Value): Promise<number[]> =>
    (await evaluate(named({ g: grad(ops.reduceSum(y), [x.value])[0]! }), [x])).get('g')!;

  it('flow through a remainder', async () => {
    const x = fed('float64', [4], [7.5, -7.5, 7.5, -7.5]);
    const by = ops.vector('float64', [2, 2, -2, -2]);
    expect(await gradientOf(x, ops.mod(x.value, by))).toEqual([1, 1, 1, 1]);
    const divisor = fed('float64', [4], [2, 2, -2, -2]);
    expect(await gradientOf(divisor, ops.mod(ops.vector('float64', [7.5, -7.5, 7.5, -7.5]), divisor.value))).toEqual([-3, 3, 3, -3]);
  });

  it('are those of x / ε for vectors shorter than ε that are normalised', async () => {
    const x = fed('float64', [2, 2], [0.03, 0.04, 3, 4]);
    const first = ops.slice(ops.l2Normalize(x.value, -1, 0.1), [0], [1], [1]);
    const g = await gradientOf(x, first);
    expect(g.slice(0, 2)).toEqual([10, 0]);
    expect(g[2]).toBeCloseTo((1 - 0.36) / 5, 12);
  });

  it('are zero for 0⁰, in the base', async () => {
    const x = fed('float64', [3], [0, 0, 2]);
    expect(await gradientOf(x, ops.pow(x.value, ops.vector('float64', [0, 2, 0])))).toEqual([0, 0, 0]);
    expect(opsOf({ g: grad(ops.reduceSum(ops.pow(x.value, 3)), [x.value])[0]! })).not.toContain('Where');
  });
});

describe('optimise', () => {
  const x = input('x', 'float32', [4, 4]);

  it('folds constants', () => {
    expect(opsOf({ y: ops.mul(x, ops.add(ops.scalar('float32', 2), 3)) })).toEqual(['Mul']);
  });

  it('drops additions of zero and multiplications by one, but not where they broadcast', () => {
    expect(opsOf({ y: ops.mul(ops.add(x, 0), 1) })).toEqual([]);
    expect(opsOf({ y: ops.add(x, ops.zeros({ dtype: 'float32', shape: [2, 4, 4] })) })).toContain('Add');
  });

  it('joins constant factors', () => {
    expect(opsOf({ y: ops.mul(ops.mul(x, 2), 3) })).toEqual(['Mul']);
  });

  it('shares equal subexpressions', () => {
    expect(opsOf({ y: ops.add(ops.exp(x), ops.mul(ops.exp(x), 2)) })).toEqual(['Exp', 'Mul', 'Add']);
  });

  it('joins factors of whole numbers only where the product is exact', () => {
    const n = input('n', 'int64', [2]);
    expect(opsOf({ y: ops.mul(ops.mul(n, 2), 3) })).toEqual(['Mul']);
    expect(opsOf({ y: ops.mul(ops.mul(n, 2 ** 40 + 1), 2 ** 20 + 1) })).toEqual(['Mul', 'Mul']);
    const wide = ops.constant({ dtype: 'int64', shape: [], data: new BigInt64Array([2n ** 53n + 1n]) });
    expect(opsOf({ y: ops.mul(ops.mul(n, wide), 1) })).toEqual(['Mul']);
    expect(opsOf({ y: ops.mul(ops.mul(n, wide), 0) })).toEqual(['Mul', 'Mul']);
  });

  it('leaves products and means of whole numbers as they are', () => {
    const n = input('n', 'int64', [2, 2]);
    // There is no FusedMatMul of them, and their mean is rounded.
    expect(opsOf({ y: ops.matMul(ops.transpose(n, [1, 0]), n) })).toEqual(['Transpose', 'MatMul']);
    expect(opsOf({ y: ops.reduceMean(ops.mul(n, 3)) })).toEqual(['Mul', 'ReduceMean']);
  });

  it('leaves to the runtime what whole numbers of double precision cannot hold', () => {
    const [zero, one] = [ops.scalar('int64', 0), ops.scalar('int64', 1)];
    expect(opsOf({ y: ops.div(one, zero) })).toEqual(['Div']);
    expect(opsOf({ y: ops.div(ops.scalar('int32', 1), ops.scalar('int32', 0)) })).toEqual(['Div']);
    for (const value of [NaN, Infinity, -Infinity, 1e30])
      expect(opsOf({ y: ops.cast(ops.scalar('float32', value), 'int64') })).toEqual(['Cast']);
    const wide = ops.constant({ dtype: 'int64', shape: [], data: new BigInt64Array([2n ** 53n + 1n]) });
    expect(opsOf({ y: ops.sub(wide, 2 ** 53 - 1) })).toEqual(['Sub']);
    expect(opsOf({ y: ops.div(ops.scalar('int64', -7), 2) })).toEqual([]);
  });

  it('tells attributes apart that JSON does not', async () => {
    const a = fed('float32', [1], [2]);
    const padded = [Infinity, -Infinity, 0, -0].map((value) => ops.pad(a.value, [1, 0], value));
    const outputs = new Map(padded.map((value, i): [string, Value] => [`y${i}`, value]));
    const values = await evaluate(outputs, [a]);
    expect([...values.values()]).toEqual([Infinity, -Infinity, 0, -0].map((value) => [value, 2]));
  });

  it('puts transpositions into multiplications', () => {
    expect(opsOf({ y: ops.matMul(ops.transpose(x, [1, 0]), x) })).toEqual(['FusedMatMul']);
  });

  it('multiplies transposed matrices with vectors', async () => {
    // ONNX Runtime's own fusion of these gives other numbers.
    const [a, v] = [fed('float32', [2, 2], [1, 2, 3, 4]), fed('float32', [2], [1, 10])];
    const turned = ops.transpose(a.value, [1, 0]);
    const outputs = named({ right: ops.matMul(turned, v.value), left: ops.matMul(v.value, turned), both: ops.matMul(v.value, v.value) });
    for (const optimisation of ['disabled', 'all'] as const) {
      const values = await evaluate(outputs, [a, v], { optimisation });
      expect([...values.values()], optimisation).toEqual([[31, 42], [21, 43], [101]]);
    }
  });

  it('adds rows to a gradient that is there already, as for tied embeddings', () => {
    const [table, ids, head] = [input('table', 'float32', [5, 3]), input('ids', 'int64', [4]), input('head', 'float32', [2, 3])];
    const loss = ops.add(
      ops.reduceSum(ops.exp(ops.gather(table, ids))),
      ops.reduceSum(ops.exp(ops.gemm(head, table, undefined, { transB: 1 }))),
    );
    const found = opsOf({ g: grad(loss, [table])[0]! }, 'cpu');
    expect(found).toContain('ScatterND');
    expect(found).not.toContain('Expand');
  });

  it('puts constant factors and terms into multiplications, also through a mask', () => {
    const [a, b, bias, mask] = [x, input('w', 'float32', [4, 4]), input('b', 'float32', [4]), input('mask', 'float32', [4, 4])];
    const product = ops.mul(ops.mul(ops.gemm(ops.mul(a, 2), b), mask), 3);
    expect(opsOf({ y: product })).toEqual(['Gemm', 'Mul']);
    expect(opsOf({ y: ops.mul(ops.add(ops.gemm(a, b), bias), 0.5) })).toEqual(['Gemm']);
  });

  it('keeps a product whole that is needed as it is', () => {
    const product = ops.gemm(x, x);
    expect(opsOf({ y: ops.mul(product, 2), z: product })).toEqual(['Gemm', 'Mul']);
  });

  it('scales sums, not their terms', () => {
    expect(opsOf({ y: ops.reduceSum(ops.mul(x, 3)) })).toEqual(['ReduceSum', 'Mul']);
  });

  it('finds the rows of matrices before the batch', () => {
    const [q, k] = [input('q', 'float32', [5, 2, 3, 4]), input('k', 'float32', [6, 2, 3, 4])];
    const heads = (value: Value): Value => ops.transpose(value, [1, 2, 0, 3]);
    expect(opsOf({ y: ops.fusedMatMul(heads(q), heads(k), { transB: 1 }) })).toEqual(['FusedMatMul']);
  });

  it('divides whole numbers as whole numbers', async () => {
    const n = fed('uint32', [3], [7, 8, 17]);
    const values = await evaluate(named({ y: ops.div(n.value, 8) }), [n]);
    expect(values.get('y')).toEqual([0, 1, 2]);
  });

  it('gives the same values written for the CPU', async () => {
    const random = new Random(3);
    const [a, w, g] = [[1100, 6], [6, 600], [6]].map((shape) => fed('float32', shape, random.numbers(size(shape), -1, 1)));
    const normed = ops.layerNormalization(a!.value, g!.value, g!.value, 1e-5);
    const hidden = ops.gelu(ops.gemm(normed, w!.value));
    const loss = ops.reduceSum(ops.tanh(hidden));
    const outputs = named({ loss, ...Object.fromEntries(grad(loss, [a!.value, w!.value, g!.value]).map((d, i) => [`d${i}`, d])) });
    const operators = topologicalOrder(optimise(outputs, 'cpu').values());
    expect(operators.map(({ op }) => op)).not.toContain('LayerNormalization');
    expect(operators.some(({ op, attributes }) => op === 'Gemm' && attributes.transA === 1)).toBe(false);
    const [plain, written] = [await evaluate(outputs, [a!, w!, g!]), await evaluate(outputs, [a!, w!, g!], { target: 'cpu' })];
    for (const [name, values] of plain)
      values.forEach((value, i) => expect(Math.abs(value - written.get(name)![i]!)).toBeLessThan(2e-4 * Math.max(1, Math.abs(value))));
  });

  it('adds all of the updates to one row, with several threads too', async () => {
    // ONNX Runtime's ScatterND loses some of these.
    const [table, ids] = [fed('float32', [8, 64], new Array<number>(512).fill(0)), fed('int64', [4096], new Array<number>(4096).fill(3))];
    const [g] = grad(ops.reduceSum(ops.gather(table.value, ids.value)), [table.value]);
    for (const options of [{ target: 'anywhere' }, { target: 'multicore' }, { target: 'cpu', threads: 1 }] as const) {
      const values = await evaluate(named({ g: g! }), [table, ids], { threads: 4, ...options });
      expect(new Set(values.get('g')!.slice(3 * 64, 4 * 64)), options.target).toEqual(new Set([4096]));
    }
  });

  it('never leaves an identity transposition', () => {
    expect(opsOf({ y: ops.transpose(x, [0, 1]) })).toEqual([]);
  });

  it('keeps the values', async () => {
    const [a, b] = [fed('float32', [2, 3], [1, -2, 3, -4, 5, -6]), fed('float32', [3], [0.5, 2, -1])];
    const y = ops.div(ops.mul(ops.mul(ops.add(a.value, b.value), 3), 0.5), 4);
    const values = await evaluate(named({ y }), [a, b]);
    values.get('y')!.forEach((value, i) => expect(value).toBeCloseTo((([1, -2, 3, -4, 5, -6][i]! + [0.5, 2, -1][i % 3]!) * 1.5) / 4, 5));
  });
});

describe('printing', () => {
  it('writes a graph as a person would', () => {
    const [x, w, b] = [input('x', 'float32', [2, 3]), input('w', 'float32', [4, 3]), input('b', 'float32', [4])];
    const weights = ops.vector('float32', [0.1, 0.2, 0.3, 0.4]);
    const y = scope('head', () => {
      const logits = ops.gemm(x, w, b, { transB: 1, alpha: 1 / 3 });
      return ops.softmax(ops.mul(ops.sub(logits, weights), 0.1), -1);
    });
    const [normed] = [scope('norm', () => ops.layerNormalization(y, b, b, 1e-12))];
    expect(print(named({ y, normed }))).toBe(
      [
        'x: float32[2, 3]',
        'w: float32[4, 3]',
        'b: float32[4]',
        'constant1: float32[4] = [0.1, 0.2, 0.3, 0.4]',
        '',
        '# head',
        'gemm1: float32[2, 4] = 0.33333333 * x @ w.T + b',
        'sub1: float32[2, 4] = gemm1 - constant1',
        'mul1: float32[2, 4] = sub1 * 0.1',
        'y: float32[2, 4] = Softmax(mul1, axis=-1)',
        '',
        '# norm',
        'normed: float32[2, 4] = LayerNormalization(y, b, b, axis=-1, epsilon=1e-12)',
        '',
        'return',
        '  y',
        '  normed',
        '',
      ].join('\n'),
    );
  });

  it('says which name an output has that is another value', () => {
    const x = input('x', 'float32', [2]);
    expect(print(named({ same: x, one: ops.scalar('float32', 1) }))).toBe('x: float32[2]\n\nreturn\n  same = x\n  one = 1\n');
  });

  it('shows constants that are outputs themselves', () => {
    const [pair, none] = [ops.vector('float32', [1, 0.5]), ops.vector('int64', [])];
    expect(print(named({ pair, again: pair, none }))).toBe(
      'pair: float32[2] = [1, 0.5]\nnone: int64[0] = []\n\nreturn\n  pair\n  again = pair\n  none\n',
    );
  });
});
