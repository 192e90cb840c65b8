import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType,
  ModelProtoSchema,
  type AttributeProto,
  type ModelProto,
  type TensorProto,
} from 'onnx-buf';
import { describe, it } from 'vitest';
import oracle from '../../oracle/encoders.json';
import { adapters } from '../../../src/onnx/import/adapters';
import { importModel } from '../../../src/onnx/import';
import { input } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import { serialise } from '../../../src/onnx/serialise';
import { mutatedBytes, STRANGE_KEYS } from './mutate';
import { replay, survives } from './survive';

/** A model of a few hundred bytes: every byte of it matters. */
function small(): Uint8Array {
  const x = input('x', 'float32', [2, 3, 4]);
  const turned = ops.transpose(ops.pad(ops.slice(x, [0], [2], [2]), [0, 0, 1, 0, 0, 1], 1), [0, 2, 1]);
  const parts = ops.split(ops.reshape(turned, [2, -1]), [5, 7], 1);
  const taken = ops.gather(parts[1]!, ops.vector('int64', [0, 1, 1]), 0);
  return serialise(
    new Map([['y', ops.softmax(ops.gemm(taken, ops.constant({ dtype: 'float32', shape: [7, 2], data: new Float32Array(14) })), 1)]]),
  );
}

const files = [small(), ...['encoder-hand.onnx'].map((name) => readFileSync(join('test', 'oracle', name)))];
const shapes = Object.fromEntries(Object.entries(oracle.inputs).map(([name, rows]) => [name, [rows.length, rows[0]!.length]]));

const read = (bytes: Uint8Array): void => {
  const known = bytes.length < 5000 ? {} : shapes;
  importModel(bytes, { shapes: known });
};

const INTEGERS = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  7n,
  100n,
  1n << 31n,
  (1n << 31n) - 1n,
  1n << 32n,
  1n << 53n,
  (1n << 62n) + 1n,
  -(1n << 63n),
  (1n << 63n) - 1n,
];
const FLOATS = [0, -0, 1, -1, 0.5, NaN, Infinity, -Infinity, 1e-45, 3.4e38];

interface Edit {
  readonly kind: number;
  readonly at: number;
  readonly value: number;
}

const pick = <T>(items: readonly T[], at: number): T | undefined => items[at % items.length];

/** Changes what a model says: its operators, its wiring, its attributes, its shapes, its tensors. */
function change(model: ModelProto, { kind, at, value }: Edit): void {
  const graph = model.graph!;
  const node = pick(graph.node, at);
  const tensor = pick(graph.initializer, at);
  const integer = pick(INTEGERS, value)!;
  const attribute = node && pick(node.attribute, value);
  switch (kind % 14) {
    case 0:
      if (node) node.opType = pick([...Object.keys(adapters), ...STRANGE_KEYS], value)!;
      break;
    case 1:
      if (node) node.input.splice(value % (node.input.length + 1), 1);
      break;
    case 2: {
      const names = [
        ...graph.node.flatMap(({ output }) => output),
        ...graph.initializer.map(({ name }) => name),
        '',
        'nowhere',
        '__proto__',
      ];
      if (node) node.input.splice(at % (node.input.length + 1), value % 2, pick(names, value)!);
      break;
    }
    case 3:
      if (node) node.output = node.output.map(() => pick([...graph.node.flatMap(({ output }) => output), ''], value)!);
      break;
    case 4:
      if (attribute) changeAttribute(attribute, value, integer);
      break;
    case 5:
      node?.attribute.push(strangeAttribute(at, value, integer));
      break;
    case 6:
      if (node && attribute) node.attribute.splice(node.attribute.indexOf(attribute), 1);
      break;
    case 7:
      if (tensor) changeTensor(tensor, value, integer);
      break;
    case 8:
      if (tensor?.dataType === 7 && tensor.rawData.length >= 8) {
        // A constant that says a shape, an axis, an index.
        const bytes = Uint8Array.from(tensor.rawData);
        new DataView(bytes.buffer).setBigInt64(8 * (at % (bytes.length >> 3)), integer, true);
        tensor.rawData = bytes;
      }
      break;
    case 9: {
      const type = pick(graph.input, at)?.type?.value;
      if (type?.case === 'tensorType') {
        type.value.elemType = value % 30;
        const dim = pick(type.value.shape?.dim ?? [], value);
        if (dim) dim.value = { case: 'dimValue', value: integer };
      }
      break;
    }
    case 10: {
      const named = pick(graph.input, at);
      const name = pick(STRANGE_KEYS, value)!;
      for (const each of graph.node) each.input = each.input.map((operand) => (operand === named?.name ? name : operand));
      if (named) named.name = name;
      break;
    }
    case 11:
      if (node) graph.node.splice(value % graph.node.length, 0, node);
      break;
    case 12:
      for (const each of model.opsetImport) each.version = integer;
      break;
    default:
      // Every constant of whole numbers at once.
      for (const each of graph.initializer) if (each.dataType === 7 && value % 3 === 0) changeTensor(each, at, integer);
  }
}

function changeAttribute(attribute: AttributeProto, value: number, integer: bigint): void {
  attribute.i = integer;
  attribute.f = pick(FLOATS, value)!;
  if (attribute.ints.length > 0) attribute.ints[value % attribute.ints.length] = integer;
  if (value % 3 === 0) attribute.ints.pop();
  if (value % 5 === 0) attribute.ints.push(integer);
  if (value % 7 === 0) attribute.name = pick(STRANGE_KEYS, value)!;
  if (attribute.t) changeTensor(attribute.t, value, integer);
}

const NAMES = [
  'axis',
  'axes',
  'perm',
  'to',
  'keepdims',
  'value',
  'start',
  'end',
  'num_outputs',
  'transA',
  'allowzero',
  'pads',
  'epsilon',
  'p',
  'k',
  'upper',
  'fmod',
  'min',
];

const strangeAttribute = (at: number, value: number, integer: bigint): AttributeProto =>
  create(AttributeProtoSchema, {
    name: pick(NAMES, at)!,
    i: integer,
    f: pick(FLOATS, value)!,
    ints: [integer, 1n, integer],
    type: AttributeProto_AttributeType.INT,
  });

function changeTensor(tensor: TensorProto, value: number, integer: bigint): void {
  if (value % 4 === 0) tensor.dims.push(integer);
  else if (value % 4 === 1) tensor.dims = tensor.dims.map(() => integer);
  else if (value % 4 === 2) tensor.dataType = value % 25;
  else tensor.rawData = tensor.rawData.subarray(0, value % (tensor.rawData.length + 1));
  if (value % 11 === 0) tensor.dims = [0n, ...tensor.dims];
}

const edits = fc.array(fc.record({ kind: fc.nat(), at: fc.nat(), value: fc.nat() }), { minLength: 1, maxLength: 5 });

describe(`ONNX models (${replay})`, { timeout: 120_000 }, () => {
  it('with bytes changed are read, or refused', () => {
    survives(mutatedBytes(files), read, { runs: 1200 });
  });

  it('that say something else are read, or refused', () => {
    survives(
      fc.tuple(fc.constantFrom(...files), edits),
      ([file, changes]) => {
        const model = fromBinary(ModelProtoSchema, file);
        for (const each of changes) change(model, each);
        read(toBinary(ModelProtoSchema, model));
      },
      { runs: 1200 },
    );
  });
});
