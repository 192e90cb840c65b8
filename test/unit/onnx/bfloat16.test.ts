import { describe, expect, it } from 'vitest';
import { productsOf } from '../../../src/onnx/flops';
import { grad } from '../../../src/onnx/grad';
import { GraphError, inFloat32, input, topologicalOrder, type Node, type Outputs, type Value } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import { optimise } from '../../../src/onnx/optimise';
import { serialise } from '../../../src/onnx/serialise';
import { Session } from '../../../src/train/device';
import { fed, type Fed } from '../support/evaluate';
import { Random } from '../support/random';

const named = (values: Record<string, Value>): Outputs => new Map(Object.entries(values));
const nodesOf = (values: Record<string, Value>, target: 'anywhere' | 'cpu' = 'anywhere'): Node[] =>
  topologicalOrder(optimise(named(values), target, 'bf16').values());
const casts = (nodes: readonly Node[], to: string): Node[] => nodes.filter(({ op, attributes }) => op === 'Cast' && attributes.to === to);

/** The nearest bfloat16, of two equally near ones the even. */
function rounded(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer);
  bits[0] = ((bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000) >>> 0;
  return new Float32Array(bits.buffer)[0]!;
}

async function run(graph: Outputs, feeds: readonly Fed[], optimisation: 'disabled' | 'all'): Promise<Map<string, number[]>> {
  const session = await Session.create(serialise(graph), { optimisation });
  const results = await session.run(new Map(feeds.map(({ value, tensor }) => [(value.source as { name: string }).name, tensor])));
  await session.release();
  return new Map([...results].map(([name, { data }]) => [name, [...(data as Float32Array)]]));
}

const random = new Random(16);
const some = (shape: readonly number[]): Fed =>
  fed(
    'float32',
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.number(-2, 2)),
  );

describe('products in bfloat16', () => {
  it('take their operands in bfloat16 and give float32 back; all else stays as it is', () => {
    const [x, w, b] = [input('x', 'float32', [6, 4]), input('w', 'float32', [4, 5]), input('b', 'float32', [5])];
    const nodes = nodesOf({
      y: ops.softmax(ops.add(ops.matMul(x, w), b), -1),
      z: ops.fusedMatMul(x, x, { transB: 1 }),
      g: ops.gemm(x, w, b),
    });
    for (const { op, inputs, outputs } of nodes) {
      const dtypes = [...inputs, ...outputs].map(({ dtype }) => dtype);
      if (op === 'MatMul' || op === 'FusedMatMul' || op === 'Gemm') expect(new Set(dtypes), op).toEqual(new Set(['bfloat16']));
      else if (op !== 'Cast') expect(dtypes, op).not.toContain('bfloat16');
    }
    expect(nodes.filter(({ op }) => op === 'Gemm').map(({ inputs }) => inputs.length)).toEqual([2]);
  });

  it.each(['anywhere', 'cpu'] as const)('are counted like those in float32: %s', (target) => {
    const [x, w] = [input('x', 'float32', [6, 4]), input('w', 'float32', [4, 5])];
    const graph = named({ y: ops.matMul(x, w), z: ops.fusedMatMul(x, x, { transB: 1 }) });
    expect(productsOf(optimise(graph, target, 'bf16'))).toEqual(productsOf(optimise(graph, target)));
  });

  it('leave double precision alone', () => {
    const x = input('x', 'float64', [3, 3]);
    expect(casts(nodesOf({ y: ops.matMul(x, x) }), 'bfloat16')).toEqual([]);
  });

  it('are not those that stay in float32, nor the products of their gradients, whatever they absorb', () => {
    const [x, w] = [input('x', 'float32', [6, 4]), input('w', 'float32', [4, 4])];
    const hidden = ops.matMul(x, w);
    // Both operands one value: their gradients are added up, and the sum is absorbed by one of the products.
    const scores = ops.mul(
      inFloat32(() => ops.gemm(hidden, hidden, undefined, { transB: 1 })),
      20,
    );
    const loss = ops.reduceSum(ops.exp(ops.add(scores, ops.vector('float32', [1, 2, 3, 4, 5, 6]))));
    const nodes = nodesOf({ loss, gw: grad(loss, [w])[0]! });
    const products = nodes.filter(({ op }) => /MatMul|Gemm/.test(op)).map(({ inputs }) => inputs.map(({ dtype }) => dtype));
    expect(products.map(([a]) => a).sort()).toEqual(['bfloat16', 'bfloat16', 'float32', 'float32', 'float32']);
    // With a scale, with the scores' bias, and with each other's sum: no operator is left for any of them.
    expect(products.filter((dtypes) => dtypes.length === 3)).toHaveLength(2);
    expect(nodes.map(({ op }) => op)).not.toContain('Mul');
  });

  it('share the cast of a value that several of them take, forwards and backwards, transposed or not', () => {
    const [x, w, v] = [input('x', 'float32', [6, 4]), input('w', 'float32', [4, 4]), input('v', 'float32', [4, 4])];
    const loss = ops.reduceSum(ops.mul(ops.tanh(ops.matMul(ops.tanh(ops.matMul(x, w)), v)), 1));
    const [gw, gv, gx] = grad(loss, [w, v, x]);
    const nodes = nodesOf({ loss, gw: gw!, gv: gv!, gx: gx! });
    const taken = casts(nodes, 'bfloat16').map(({ inputs }) => inputs[0]);
    expect(new Set(taken).size).toBe(taken.length);
    // x, w, v, the hidden layer, and the gradient of each product.
    expect(taken).toHaveLength(6);
    expect(nodes.filter(({ op }) => /MatMul|Gemm/.test(op))).toHaveLength(6);
  });

  it('are not cast to and fro where one takes the result of another, however its elements are moved', () => {
    const [x, w] = [input('x', 'float32', [2, 6, 4]), input('w', 'float32', [12, 5])];
    const moved = ops.reshape(ops.transpose(ops.matMul(x, ops.transpose(x, [0, 2, 1])), [1, 0, 2]), [6, 12]);
    const nodes = nodesOf({ y: ops.matMul(moved, w) });
    expect(casts(nodes, 'bfloat16').map(({ inputs }) => inputs[0])).toEqual([x, w]);
    expect(casts(nodes, 'float32')).toHaveLength(1);
  });

  it.each(['disabled', 'all'] as const)(
    'give on the CPU what rounding by hand gives, bit for bit; optimisation: %s',
    async (optimisation) => {
      // One term a sum, so that no order of summation enters.
      const [a, b, c] = [some([3, 1]), some([1, 4]), some([4])];
      const graph = optimise(named({ y: ops.gemm(a.value, b.value, c.value, { alpha: 0.7, beta: 3 }) }), 'cpu', 'bf16');
      const { y } = Object.fromEntries(await run(graph, [a, b, c], optimisation));
      const f = Math.fround;
      const expected = [...(a.tensor.data as Float32Array)].flatMap((left) =>
        [...(b.tensor.data as Float32Array)].map((right, j) => {
          const product = rounded(f(f(0.7) * f(rounded(left) * rounded(right))));
          return f(product + f(Number(c.tensor.data[j]) * 3));
        }),
      );
      expect(y).toEqual(expected);
    },
  );

  it('round the ties to even, and keep infinities and NaN', async () => {
    const x = fed('float32', [8, 1], [1.00390625, 1.01171875, -1.01171875, 3.4e38, Infinity, -Infinity, NaN, 1e-40]);
    const one = fed('float32', [1, 1], [1]);
    const graph = optimise(named({ y: ops.matMul(x.value, one.value) }), 'cpu', 'bf16');
    const y = (await run(graph, [x, one], 'all')).get('y')!;
    expect(y.slice(0, 7)).toEqual([1, 1.015625, -1.015625, Infinity, Infinity, -Infinity, NaN]);
    expect(y[7]).toBe(rounded(1e-40));
  });

  it('sum in float32: a long sum is as exact as its result can be written', async () => {
    const [a, b] = [some([4, 512]), some([512, 4])];
    const { y } = Object.fromEntries(await run(optimise(named({ y: ops.matMul(a.value, b.value) }), 'cpu', 'bf16'), [a, b], 'all'));
    const at = ({ tensor: { data } }: Fed, i: number): number => rounded(Number(data[i]));
    y!.forEach((value, i) => {
      const [row, column] = [Math.floor(i / 4), i % 4];
      const sum = Array.from({ length: 512 }, (_, k) => at(a, row * 512 + k) * at(b, k * 4 + column)).reduce((s, term) => s + term);
      expect(Math.abs(value - sum)).toBeLessThanOrEqual(2 ** -8 * Math.abs(sum) + 1e-4);
      expect(rounded(value)).toBe(value);
    });
  });

  it('cannot be inputs or outputs of a model', () => {
    const x = input('x', 'float32', [2]);
    expect(() => serialise(named({ y: ops.cast(x, 'bfloat16') }))).toThrow(GraphError);
    expect(() => serialise(named({ y: ops.cast(x, 'bfloat16') }))).toThrow('"y" is an input or output');
    expect(() => serialise(named({ y: ops.cast(input('h', 'bfloat16', [2]), 'float32') }))).toThrow('"h" is an input or output');
    expect(() => ops.mul(ops.cast(x, 'bfloat16'), 2)).toThrow('No tensor holds bfloat16');
  });
});
