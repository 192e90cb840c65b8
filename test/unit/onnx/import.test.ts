import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, StringStringEntryProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import oracle from '../../oracle/encoders.json';
import { grad } from '../../../src/onnx/grad';
import { input, scope, topologicalOrder, type Value } from '../../../src/onnx/graph';
import { importModel, type ImportedModel } from '../../../src/onnx/import';
import * as ops from '../../../src/onnx/ops';
import { optimise } from '../../../src/onnx/optimise';
import { print } from '../../../src/onnx/print';
import { serialise } from '../../../src/onnx/serialise';
import { size, tensor, type Tensor } from '../../../src/onnx/types';
import { UserError } from '../../../src/shared/errors';
import { Session } from '../../../src/train/device';
import { evaluate, fed, type Fed } from '../support/evaluate';
import { Random, seedOfRun } from '../support/random';

const shapes = Object.fromEntries(Object.entries(oracle.inputs).map(([name, rows]) => [name, [rows.length, rows[0]!.length]]));
const feeds = Object.entries(oracle.inputs).map(([name, rows]): [string, Tensor] => [name, tensor('int64', shapes[name]!, rows.flat())]);
const labels = tensor('int64', [oracle.labels.flat().length], oracle.labels.flat());
const fileOf = (name: string): Uint8Array => readFileSync(join('test', 'oracle', name));

/** The cross-entropy that PyTorch was asked for. */
function lossOf({ outputs }: ImportedModel): Value {
  const logits = outputs.get('logits')!;
  return ops.reduceMean(ops.crossEntropy(ops.reshape(logits, [-1, logits.shape.at(-1)!]), ops.constant(labels)));
}

type Model = ReturnType<typeof fromBinary<typeof ModelProtoSchema>>;

/** A model as it would look if its exporter had written something else. */
function changed(bytes: Uint8Array, change: (graph: NonNullable<Model['graph']>) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  change(model.graph!);
  return toBinary(ModelProtoSchema, model);
}

/** What a written and changed graph computes once it is read again. */
async function readBack(y: Value, feeds: readonly Fed[], change: Parameters<typeof changed>[1] = () => undefined): Promise<number[]> {
  const model = importModel(changed(serialise(new Map([['y', y]])), change));
  const renamed = [...model.inputs.values()].map((value, i) => ({ value, tensor: feeds[i]!.tensor }));
  return (await evaluate(model.outputs, renamed)).get('y')!;
}

const near = (actual: number, expected: number, tolerance: number, what: string): void =>
  expect(Math.abs(actual - expected), `${what}: ${actual} instead of ${expected}`).toBeLessThanOrEqual(
    tolerance * Math.max(1, Math.abs(expected)),
  );

/** How many tensors of each file the recorder found among PyTorch's parameters: those that are compared. */
const MATCHED: Record<string, number> = { 'exported with TorchScript': 43, 'exported with dynamo': 41, 'written by hand': 11 };

describe('models from elsewhere', () => {
  it('are compared in all tensors that were found', () => {
    const found = Object.entries(oracle.models).map(([name, { gradients }]) => [name, new Set(gradients.map((each) => each.tensor)).size]);
    expect(Object.fromEntries(found)).toEqual(MATCHED);
  });

  for (const [name, recorded] of Object.entries(oracle.models)) {
    const read = (): ImportedModel => importModel(fileOf(recorded.file), { shapes });

    it(`compute what PyTorch computes: an encoder ${name}`, async () => {
      const model = read();
      const loss = lossOf(model);
      const wrt = recorded.gradients.map((each) => model.parameters.get(each.tensor)!);
      const gradients = grad(
        loss,
        wrt.map(({ value }) => value),
      );
      const outputs = new Map([...model.outputs, ['loss', loss] as const, ...gradients.map((g, i): [string, Value] => [`g${i}`, g])]);
      for (const optimisation of ['disabled', 'all'] as const) {
        for (const target of ['anywhere', 'cpu'] as const) {
          const session = await Session.create(serialise(optimise(outputs, target)), { optimisation });
          const results = await session.run(new Map([...feeds, ...contents(model)]));
          await session.release();
          near(Number(results.get('loss')!.data[0]), recorded.loss, 1e-5, 'loss');
          recorded.logits.data.forEach((value, i) => near(Number(results.get('logits')!.data[i]), value, 1e-4, `logit ${i}`));
          recorded.gradients.forEach(({ tensor: found, transposed, gradient }, i) => {
            const { data, shape } = results.get(`g${i}`)!;
            expect(transposed ? [...shape].reverse() : shape, found).toEqual(gradient.shape);
            const [rows = 1, columns = 1] = gradient.shape;
            gradient.data.forEach((value, j) => {
              const place = transposed ? (j % columns) * rows + Math.floor(j / columns) : j;
              near(Number(data[place]), value, 2e-4, `gradient of ${found}, element ${j}`);
            });
          });
        }
      }
    });

    it(`train as PyTorch trains them: an encoder ${name}`, async () => {
      const model = read();
      const loss = lossOf(model);
      const trained = recorded.gradients.map((each) => each.tensor);
      const gradients = grad(
        loss,
        trained.map((each) => model.parameters.get(each)!.value),
      );
      const next = gradients.map((g, i): [string, Value] => [
        trained[i]!,
        ops.sub(model.parameters.get(trained[i]!)!.value, ops.mul(g, recorded.learningRate)),
      ]);
      const session = await Session.create(
        serialise(optimise(new Map([['loss', loss], ...next.map(([n, v]): [string, Value] => [`next:${n}`, v])]), 'cpu')),
      );
      const state = contents(model);
      for (const expected of recorded.losses) {
        const results = await session.run(new Map([...feeds, ...state]));
        near(Number(results.get('loss')!.data[0]), expected, 1e-4, 'loss');
        for (const each of trained) state.set(each, results.get(`next:${each}`)!);
      }
      await session.release();
    });
  }

  it('have their shapes computed when they are read, and keep the names of their parts', () => {
    const script = importModel(fileOf('encoder-script.onnx'), { shapes });
    const operators = new Set(topologicalOrder(script.outputs.values()).map(({ op }) => op as string));
    for (const op of ['Shape', 'ConstantOfShape', 'Constant', 'Range']) expect(operators).not.toContain(op);
    expect(print(script.outputs)).toContain('# bert/encoder/layer.0/attention/self/query');
  });

  it('come back as they were written', () => {
    const [x, w] = [input('x', 'float32', [3, 4]), input('w', 'float32', [4, 6])];
    const y = scope('head', () =>
      ops.softmax(ops.gemm(ops.pad(x, [0, 0, 1, 0], 0.5), w, undefined, { alpha: 0.5, transA: 1, transB: 0 }), -1),
    );
    const parts = ops.split(ops.cumSum(ops.clip(ops.slice(y, [3], [0], [1], [-1]), 0.1, 0.9), 1), [1, 2], 1);
    const written = optimise(new Map(parts.map((part, i): [string, Value] => [`part${i}`, ops.reshape(part, [-1])])));
    const read = importModel(serialise(written));
    expect(print(read.outputs)).toBe(print(written));
  });

  it('slice to the end where the end is the largest integer, as exporters write it', async () => {
    const x = fed('float32', [2, 3], [1, 2, 3, 4, 5, 6]);
    const ends = (value: bigint) => (graph: NonNullable<Model['graph']>) => {
      graph.initializer.find(({ name }) => name === 'int64[-7]' || name === 'int64[7]')!.rawData = new Uint8Array(
        new BigInt64Array([value]).buffer,
      );
    };
    expect(await readBack(ops.slice(x.value, [1], [7], [1]), [x], ends(2n ** 63n - 1n))).toEqual([2, 3, 5, 6]);
    expect(await readBack(ops.slice(x.value, [-1], [-7], [1], [-1]), [x], ends(-(2n ** 63n)))).toEqual([3, 2, 1, 6, 5, 4]);
    expect(await readBack(ops.slice(x.value, [1], [3], [1], [7]), [x], ends(2n ** 63n - 1n))).toEqual([2, 5]);
  });

  it('take the sign of a remainder from where the model says', async () => {
    const [a, b] = [fed('int64', [4], [7, -7, 7, -7]), fed('int64', [4], [3, 3, -3, -3])];
    expect(await readBack(ops.mod(a.value, b.value), [a, b])).toEqual([1, 2, -2, -1]);
    expect(await readBack(ops.apply('Mod', [a.value, b.value], { fmod: 1 })[0]!, [a, b])).toEqual([1, -1, 1, -1]);
  });

  it('sort relative positions into buckets, in whole numbers', async () => {
    for (const dtype of ['int64', 'int32'] as const) {
      const x = fed(dtype, [5], [-9, -2, 0, 3, 40]);
      const [near, far] = [ops.clip(ops.abs(x.value), 0, 4), ops.relu(ops.neg(x.value))];
      expect(await readBack(ops.mul(near, ops.sign(x.value)), [x]), dtype).toEqual([-4, -2, 0, 3, 4]);
      expect(await readBack(far, [x]), dtype).toEqual([9, 2, 0, 0, 0]);
      const leaveOut = (bound: number) => (graph: NonNullable<Model['graph']>) => (graph.node.at(-1)!.input[bound] = '');
      expect(await readBack(ops.clip(x.value, -3, 4), [x], leaveOut(1)), dtype).toEqual([-9, -2, 0, 3, 4]);
      expect(await readBack(ops.clip(x.value, -3, 4), [x], leaveOut(2)), dtype).toEqual([-3, -2, 0, 3, 40]);
      const rectify = (graph: NonNullable<Model['graph']>): void => void (graph.node[0]!.opType = 'Relu');
      expect(await readBack(ops.neg(x.value), [x], rectify), dtype).toEqual([0, 0, 0, 3, 40]);
    }
  });
});

/** A model of one node, whose operands are an input `x` of single precision and lists of whole numbers. */
function oneNode(
  opType: string,
  shape: readonly (number | bigint)[],
  {
    lists = [],
    attributes = {},
    outputs = 1,
    name = 'x',
  }: { lists?: bigint[][]; attributes?: Record<string, bigint>; outputs?: number; name?: string },
): Uint8Array {
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const typeOf = (dims: readonly (number | bigint)[]) => ({
    value: {
      case: 'tensorType' as const,
      value: { elemType: 1, shape: { dim: dims.map((extent) => ({ value: { case: 'dimValue' as const, value: BigInt(extent) } })) } },
    },
  });
  const graph = {
    input: [{ name, type: typeOf(shape) }],
    output: results.map((result) => ({ name: result, type: typeOf([]) })),
    initializer: lists.map((int64Data, i) => ({ name: `list${i}`, dataType: 7, dims: [BigInt(int64Data.length)], int64Data })),
    node: [
      {
        opType,
        name: opType,
        input: [name, ...lists.map((_, i) => `list${i}`)],
        output: results,
        attribute: Object.entries(attributes).map(([key, i]) => ({ name: key, i })),
      },
    ],
  };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { opsetImport: [{ domain: '', version: 20n }], graph }));
}

/** What {@link oneNode} computes of 1, 2, 3, … */
async function computed(...given: Parameters<typeof oneNode>): Promise<number[]> {
  const { inputs, outputs } = importModel(oneNode(...given));
  const value = inputs.get('x')!;
  const counted = Array.from({ length: size(value.shape) }, (_, i) => i + 1);
  return (await evaluate(outputs, [{ value, tensor: tensor('float32', value.shape, counted) }])).get('y0')!;
}

describe('operators that are written in others', () => {
  it('Tile: repeats along every axis', async () => {
    expect(await computed('Tile', [2, 2], { lists: [[1n, 2n]] })).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
    expect(await computed('Tile', [2, 1, 2], { lists: [[2n, 3n, 1n]] })).toEqual(
      [1, 2, 3, 4, 1, 2, 3, 4].flatMap((_, i, all) => (i % 2 ? [] : [0, 1, 2].flatMap(() => [all[i]!, all[i + 1]!]))),
    );
  });

  it('Trilu: keeps one side of a diagonal, of every matrix', async () => {
    expect(await computed('Trilu', [2, 3], {})).toEqual([1, 2, 3, 0, 5, 6]);
    expect(await computed('Trilu', [2, 3], { attributes: { upper: 0n } })).toEqual([1, 0, 0, 4, 5, 0]);
    expect(await computed('Trilu', [2, 2, 2], { lists: [[1n]] })).toEqual([0, 2, 0, 0, 0, 6, 0, 0]);
    expect(await computed('Trilu', [2, 3], { lists: [[-(2n ** 62n)]], attributes: { upper: 0n } })).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

/** The tensors of a model under their names. */
const contents = ({ parameters }: ImportedModel): Map<string, Tensor> =>
  new Map([...parameters].map(([name, each]) => [name, each.tensor]));

describe('what cannot be read', () => {
  const script = (change: Parameters<typeof changed>[1]): Uint8Array => changed(fileOf('encoder-script.onnx'), change);
  const halves = [input('a', 'float32', [2]), input('b', 'float32', [2])] as const;

  it.each([
    ['a file of something else', () => importModel(new TextEncoder().encode('{"not": "onnx"}')), 'is no ONNX model'],
    ['a file without a graph', () => importModel(new Uint8Array()), 'holds no graph'],
    ['a shape left open', () => importModel(fileOf('encoder-script.onnx')), 'The input "input_ids" has no fixed shape.'],
    [
      'unknown operators, all at once',
      () =>
        importModel(
          script((graph) => {
            graph.node[3]!.opType = 'Loop';
            graph.node[5]!.opType = 'NonZero';
            graph.node[6]!.opType = 'NonZero';
          }),
          { shapes },
        ),
      'operators that cannot be read: Loop (1 node), NonZero (2 nodes)',
    ],
    [
      'operators by the names of what every object has',
      () =>
        importModel(
          script((graph) => (graph.node[3]!.opType = 'constructor')),
          { shapes },
        ),
      'operators that cannot be read: constructor (1 node)',
    ],
    [
      'the largest of nothing',
      () => importModel(changed(serialise(new Map([['y', ops.max(...halves)]])), (graph) => (graph.node[0]!.input = []))),
      'Max "y": it has no operands.',
    ],
    [
      'a remainder of floating-point numbers with the sign of the divisor',
      () => importModel(changed(serialise(new Map([['y', ops.mod(...halves)]])), (graph) => (graph.node[0]!.attribute = []))),
      'Mod "y": Mod(float32[2], float32[2]): of floating-point numbers there is only the remainder with fmod = 1.',
    ],
    [
      'a shape for an input that is not there',
      () => importModel(fileOf('encoder-script.onnx'), { shapes: { ...shapes, positions: [2, 8] } }),
      'The model has no input "positions".',
    ],
    [
      'a tensor of too few elements',
      () =>
        importModel(
          script((graph) => (graph.initializer[0]!.dims = [41n, 17n])),
          { shapes },
        ),
      'has 656 elements, and its shape [41, 17] needs 697',
    ],
    [
      'a tensor in another file',
      () =>
        importModel(
          script((graph) =>
            Object.assign(graph.initializer[0]!, {
              dataLocation: 1,
              externalData: [create(StringStringEntryProtoSchema, { key: 'location', value: 'weights.bin' })],
            }),
          ),
          { shapes },
        ),
      'lies in the file "weights.bin"',
    ],
    [
      'half precision',
      () =>
        importModel(
          script((graph) => (graph.initializer[0]!.dataType = 10)),
          { shapes },
        ),
      'has the element type float16',
    ],
    [
      'slices along fewer axes than they have starts',
      () => importModel(oneNode('Slice', [4, 4], { lists: [[0n, 0n], [1n, 1n], [0n]] })),
      /as many starts/,
    ],
    ['pads for fewer axes than there are', () => importModel(oneNode('Pad', [4, 4], { lists: [[1n]] })), /two pads for each axis/],
    ['a part that is not all', () => importModel(oneNode('Split', [4], { lists: [[3n]] })), /do not add up to 4/],
    ['parts of a negative extent', () => importModel(oneNode('Split', [4], { lists: [[-1n, 5n]], outputs: 2 })), /no shape/],
    [
      'more parts than there are outputs',
      () => importModel(oneNode('Split', [4], { attributes: { num_outputs: 2n ** 31n } })),
      /should have 2147483648 outputs/,
    ],
    ['a triangle of no matrix', () => importModel(oneNode('Trilu', [4], {})), /takes matrices/],
    ['a triangle that would not fit into memory', () => importModel(oneNode('Trilu', [2 ** 20, 2 ** 20], {})), /takes matrices/],
    ['copies beyond number', () => importModel(oneNode('Tile', [2, 2], { lists: [[2n ** 40n, 2n ** 40n]] })), /no shape/],
    ['an input of a negative extent', () => importModel(oneNode('Relu', [-4], {})), /The input "x" has \[-4\], which is no shape/],
    ['an input of more elements than can be counted', () => importModel(oneNode('Relu', [2n ** 40n, 2n ** 40n], {})), /which is no shape/],
    [
      'an input without a type',
      () => importModel(script((graph) => (graph.input[0]!.type!.value = { case: undefined }))),
      /is not a tensor/,
    ],
    [
      'shapes that do not fit, by node and place',
      () => importModel(fileOf('encoder-script.onnx'), { shapes: { ...shapes, attention_mask: [2, 5] } }),
      /: the shapes do not broadcast, in bert/,
    ],
  ])('%s', (_, read, problem) => {
    expect(read).toThrow(UserError);
    expect(read).toThrow(problem);
  });

  it('may be an input that is called what every object has: only the shape that is given counts', () => {
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect(importModel(oneNode('Relu', [3], { name })).outputs.get('y0')!.shape).toEqual([3]);
  });

  it('is refused where operands are so many that a graph of them overflows the stack', () => {
    const many = changed(oneNode('Sum', [1], {}), (graph) => (graph.node[0]!.input = new Array<string>(100_000).fill('x')));
    expect(() => importModel(many)).toThrow(UserError);
  });

  it('is said in a clear error whatever is wrong with the file', () => {
    const random = new Random(seedOfRun);
    const original = fileOf('encoder-script.onnx');
    for (let i = 0; i < 400; i++) {
      const bytes = original.slice(0, random.integer(0, 3) ? original.length : random.integer(0, original.length));
      for (let j = random.integer(1, 8); j > 0; j--) bytes[random.integer(0, bytes.length)] = random.integer(0, 255);
      try {
        const model = importModel(bytes, { shapes });
        expect(size(model.outputs.values().next().value?.shape ?? [])).toBeGreaterThanOrEqual(0);
      } catch (error) {
        expect(error, `SEED=${seedOfRun}, mutation ${i}`).toBeInstanceOf(UserError);
      }
    }
  });
});
