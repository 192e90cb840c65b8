import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { Constant, GraphError, type Input, inputsOf, topologicalOrder, type Attribute, type Node, type Outputs, type Value } from './graph';
import type { OperandKind } from './operators/operator';
import { keyOfNumber, tensor, type DType, type Tensor } from './types';

/** Opset 20 has everything the table emits (Gelu came with it) and is understood by every current runtime. */
const OPSET = 20n;
const IR_VERSION = 9n;

export const elementTypes: Record<DType, TensorProto_DataType> = {
  bfloat16: TensorProto_DataType.BFLOAT16,
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  uint32: TensorProto_DataType.UINT32,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
};

/** Operators whose attributes are floating-point in ONNX even when their value is a whole number. */
const FLOATS = new Set(['alpha', 'beta', 'epsilon']);

/** The first output of a muted model, see {@link serialise}. */
export const MUTE = 'mute';

/**
 * The graph as an ONNX model. Inputs appear in order of first use, under the names they were made with; outputs under the names given.
 * Values in between are called after the place that built them, so that a viewer shows `encoder/layer.0/attention/Softmax`.
 *
 * @throws GraphError for an input or output in bfloat16, of which the binding for Node makes no tensor
 * @param muted adds a first output that is an (empty) sequence of tensors: a thing that ONNX Runtime's binding for Node cannot hand back, so that it
 *   hands back none of the outputs, see `Session.run`
 */
export const serialise = (outputs: Outputs, options?: { readonly muted?: boolean }): Uint8Array =>
  toBinary(ModelProtoSchema, modelProto(outputs, options));

/** {@link serialise} before it becomes bytes. */
export function modelProto(outputs: Outputs, { muted = false } = {}): ModelProto {
  for (const [name, value] of [...inputsOf(outputs.values()).map((value) => [(value.source as Input).name, value] as const), ...outputs])
    if (value.dtype === 'bfloat16')
      throw new GraphError('serialise', [value], `"${name}" is an input or output, which bfloat16 cannot be; cast it`);
  const names = nameValues(outputs);
  const inputs = inputsOf(outputs.values()).map((value) => valueInfo(names.get(value)!, value));
  const results = [...outputs].map(([name, value]) => valueInfo(name, value));
  return modelOf({ name: 'step', inputs, outputs: results, ...bodyOf(outputs, (value) => names.get(value)!), muted });
}

/** What a graph does: its nodes, each after those that it needs, and its constants. */
interface Body {
  readonly nodes: readonly NodeProto[];
  readonly constants: readonly TensorProto[];
}

/** @param outputName what an output of this name is called: as it is by default */
export function bodyOf(outputs: Outputs, nameOf: (value: Value) => string, outputName = (name: string): string => name): Body {
  const constants = new Map<string, TensorProto>();
  const order = topologicalOrder(outputs.values());
  const constant = ({ source }: Value, name: string): void => {
    if (source instanceof Constant) constants.set(name, tensorProto(source.tensor, name));
  };
  for (const value of [...order.flatMap(({ inputs }) => inputs), ...outputs.values()]) constant(value, nameOf(value));
  const nodes = order.map((node) => nodeProto(node, nameOf, constants));
  // An output that is an input, a constant, or another output under a second name needs a node of its own.
  for (const [name, value] of outputs) {
    const output = outputName(name);
    if (nameOf(value) !== output)
      nodes.push(create(NodeProtoSchema, { opType: 'Identity', name: output, input: [nameOf(value)], output: [output] }));
  }
  return { nodes, constants: [...constants.values()] };
}

interface ModelParts extends Body {
  readonly name: string;
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  /** See {@link serialise}. */
  readonly muted?: boolean;
}

/** A model with the versions that we write. */
export function modelOf({ muted = false, ...parts }: ModelParts): ModelProto {
  const mute = create(NodeProtoSchema, { opType: 'SequenceEmpty', name: MUTE, output: [MUTE] });
  return create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'objective-lab',
    opsetImport: [
      { domain: '', version: OPSET },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph: graphOf({
      ...parts,
      nodes: [...parts.nodes, ...(muted ? [mute] : [])],
      outputs: [...(muted ? [MUTE_INFO] : []), ...parts.outputs],
    }),
  });
}

export const graphOf = ({ name, nodes, constants, inputs, outputs }: Omit<ModelParts, 'muted'>): GraphProto =>
  create(GraphProtoSchema, { name, node: [...nodes], initializer: [...constants], input: [...inputs], output: [...outputs] });

/** A unique name for every value: inputs and outputs as they are called, the rest after scope and operator. */
export function nameValues(outputs: Outputs): Map<Value, string> {
  const names = new Map<Value, string>();
  const taken = new Set<string>(outputs.keys());
  const unique = (wanted: string): string => {
    let name = wanted;
    for (let i = 1; taken.has(name); i++) name = `${wanted}.${i}`;
    taken.add(name);
    return name;
  };
  for (const value of inputsOf(outputs.values())) names.set(value, unique((value.source as Input).name));
  for (const [name, value] of outputs) if (!names.has(value) && !(value.source instanceof Constant)) names.set(value, name);
  const counters = new Map<string, number>();
  const numbered = (stem: string): string => {
    const count = counters.get(stem) ?? 0;
    counters.set(stem, count + 1);
    return unique(count ? `${stem}.${count}` : stem);
  };
  for (const node of topologicalOrder(outputs.values())) {
    for (const value of node.inputs) if (value.source instanceof Constant && !names.has(value)) names.set(value, numbered('constant'));
    const stem = node.scope ? `${node.scope}/${node.op}` : node.op;
    for (const value of node.outputs) if (!names.has(value)) names.set(value, numbered(stem));
  }
  for (const value of outputs.values()) if (!names.has(value)) names.set(value, numbered('constant'));
  return names;
}

function nodeProto(node: Node, nameOf: (value: Value) => string, constants: Map<string, TensorProto>): NodeProto {
  const { operands = {} } = node.operator;
  const extra = Object.entries(operands).map(([key, kind]) => {
    const tensor = operand(node.attributes[key]!, kind, node.inputs[0]!);
    const name = `${tensor.dtype}[${[...tensor.data].map(keyOfNumber).join()}]${tensor.shape.length ? '' : ' scalar'}`;
    if (!constants.has(name)) constants.set(name, tensorProto(tensor, name));
    return name;
  });
  return create(NodeProtoSchema, {
    opType: node.op,
    domain: node.operator.domain ?? '',
    name: nameOf(node.outputs[0]!),
    input: [...node.inputs.map(nameOf), ...extra],
    output: node.outputs.map(nameOf),
    attribute: Object.entries(node.attributes).flatMap(([key, value]) =>
      key in operands || value === undefined ? [] : [attributeProto(key, value)],
    ),
  });
}

function operand(attribute: Attribute, kind: OperandKind, first: Value): Tensor {
  if (kind === 'int64 scalar') return tensor('int64', [], [attribute as number]);
  if (kind === 'like') {
    return tensor(first.dtype, [], [attribute as number]);
  }
  const values = attribute as readonly number[];
  return tensor('int64', [values.length], values);
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'string') {
    // ONNX's Cast takes the number of an element type; every other text is itself.
    const elementType = name === 'to' ? elementTypes[value as DType] : undefined;
    return elementType === undefined
      ? create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.STRING, s: new TextEncoder().encode(value) })
      : create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(elementType) });
  }
  if (typeof value !== 'number')
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) });
  return FLOATS.has(name)
    ? create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value })
    : create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
}

export function tensorProto({ dtype, shape, data }: Tensor, name: string): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: elementTypes[dtype],
    dims: shape.map(BigInt),
    rawData: new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer),
  });
}

/** @param shape extents; one that is open until the graph runs has a name */
export const valueInfo = (name: string, { dtype, shape }: { dtype: DType; shape: readonly (number | string)[] }): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: elementTypes[dtype],
          shape: {
            dim: shape.map((extent) => ({
              value:
                typeof extent === 'string'
                  ? { case: 'dimParam' as const, value: extent }
                  : { case: 'dimValue' as const, value: BigInt(extent) },
            })),
          },
        },
      },
    },
  });

const MUTE_INFO = create(ValueInfoProtoSchema, {
  name: MUTE,
  type: {
    value: {
      case: 'sequenceType',
      value: { elemType: { value: { case: 'tensorType', value: { elemType: TensorProto_DataType.FLOAT } } } },
    },
  },
});
