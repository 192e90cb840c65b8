import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { input, type Outputs, type Value } from '../../../src/onnx/graph';
import { serialiseOpen } from '../../../src/onnx/open-shapes';
import * as ops from '../../../src/onnx/ops';
import { serialise } from '../../../src/onnx/serialise';
import { size, tensor, type Shape, type Tensor } from '../../../src/onnx/types';
import { Session } from '../../../src/train/device';

const WIDTH = 4;
const sizes = { batch: { input: 'x', axis: 0, between: [7, 2] }, length: { input: 'x', axis: 1, between: [12, 11] } } as const;
type Sizes = Record<keyof typeof sizes, number>;
type Build = (x: Value, sizes: Sizes) => Value;

const x = ({ batch, length }: Sizes): Value => input('x', 'float32', [batch, length, WIDTH]);
const graphOf =
  (build: Build) =>
  (given: Sizes): Outputs =>
    new Map([['y', build(x(given), given)]]);
const weights = new Map([['w', numbers([WIDTH, WIDTH])]]);
const weight = (): Value => input('w', 'float32', [WIDTH, WIDTH]);
const counted = (shape: Shape): Value =>
  ops.constant(
    tensor(
      'float32',
      shape,
      Array.from({ length: size(shape) }, (_, i) => i),
    ),
  );

function numbers(shape: Shape): Tensor {
  return tensor(
    'float32',
    shape,
    Array.from({ length: size(shape) }, (_, i) => Math.sin(i)),
  );
}

async function run(model: Uint8Array, feeds: ReadonlyMap<string, Tensor>): Promise<Tensor> {
  const session = await Session.create(model);
  try {
    return (await session.run(feeds)).get('y')!;
  } finally {
    await session.release();
  }
}

/** What differs between sizes in each of these, and must follow from them. */
const graphs: Record<string, Build> = {
  'rows of a matrix': (rows, { batch, length }) =>
    ops.reshape(ops.matMul(ops.reshape(rows, [batch * length, WIDTH]), weight()), [batch, length, WIDTH]),
  'two sizes of one shape': (rows, { batch, length }) => ops.reshape(ops.transpose(rows, [1, 0, 2]), [length, batch, 2, WIDTH / 2]),
  'a size with a factor': (rows, { batch, length }) => ops.mul(ops.reshape(rows, [1, batch, WIDTH * length]), 2),
  'a product of sizes with a factor, in an expansion': (rows, { batch, length }) =>
    ops.add(ops.expand(weight(), [2 * batch * length, WIDTH, WIDTH]), ops.reduceMax(rows)),
  'the end of a slice': (rows, { length }) =>
    ops.add(rows, ops.reshape(ops.slice(counted([20, WIDTH]), [0], [length]), [1, length, WIDTH])),
  'a constant that grows': (rows, { length }) => ops.add(rows, counted([length, 1])),
  'transposed products': (rows) => ops.fusedMatMul(rows, rows, { transB: 1, alpha: 0.5 }),
};

describe('a graph with open sizes', () => {
  it.each(Object.entries(graphs))('computes the same as with fixed ones: %s', async (_, build) => {
    const open = serialiseOpen(sizes, graphOf(build), weights);
    for (const [batch, length] of [
      [1, 1],
      [1, 12],
      [5, 3],
      [9, 7],
    ] as const) {
      const feeds = new Map([['x', numbers([batch, length, WIDTH])]]);
      const fixed = await run(serialise(graphOf(build)({ batch, length })), new Map([...feeds, ...weights]));
      const { shape, data } = await run(open, feeds);
      expect(shape).toEqual(fixed.shape);
      (data as Float32Array).forEach((y, i) => expect(y).toBeCloseTo(fixed.data[i] as number, 5));
    }
  });

  it('names its sizes, holds its weights, and has standard operators alone', () => {
    const { graph } = fromBinary(ModelProtoSchema, serialiseOpen(sizes, graphOf(graphs['transposed products']!), weights));
    const dims = [...graph!.input, ...graph!.output].map(({ name, type }) => [
      name,
      ...(type!.value.case === 'tensorType' ? type!.value.value.shape!.dim.map((dim) => dim.value.value) : []),
    ]);
    expect(dims).toEqual([
      ['x', 'batch', 'length', BigInt(WIDTH)],
      ['y', 'batch', 'length', 'length'],
    ]);
    expect(graph!.node.map(({ domain }) => domain).filter(Boolean)).toEqual([]);
    const rows = fromBinary(ModelProtoSchema, serialiseOpen(sizes, graphOf(graphs['rows of a matrix']!), weights)).graph!;
    expect(rows.initializer.map(({ name }) => name)).toContain('w');
  });

  it.each<[string, Build, RegExp]>([
    ['a number', (rows, { length }) => ops.mul(rows, 1 / length), /constant that follows from the sizes/],
    ['a sum of sizes', (rows, { batch, length }) => ops.expand(ops.reduceMean(rows), [batch + length]), /do not follow from the sizes/],
    ['the operators', (rows, { length }) => (length > 11 ? ops.tanh(rows) : ops.exp(rows)), /another node/],
    ['how many there are', (rows, { length }) => (length > 11 ? ops.tanh(ops.exp(rows)) : rows), /other nodes/],
    ['an attribute', (rows, { length }) => ops.softmax(rows, length > 11 ? 1 : 2), /another node/],
    [
      'the beginning of a constant',
      (rows, { length }) =>
        ops.add(
          rows,
          ops.constant(
            tensor(
              'float32',
              [length, 1],
              Array.from({ length }, (_, i) => length - i),
            ),
          ),
        ),
      /beginning is another/,
    ],
  ])('is refused where %s differs in another way', (_, build, message) => {
    expect(() => serialiseOpen(sizes, graphOf(build), weights)).toThrow(message);
  });
});
