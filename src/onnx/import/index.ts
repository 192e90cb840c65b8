import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type GraphProto, type ModelProto, type ValueInfoProto } from 'onnx-buf';
import { UserError } from '../../shared/errors';
import { shortened } from '../../shared/format';
import { GraphError, input, Node, scope, type Outputs, type Value } from '../graph';
import * as ops from '../ops';
import { fold } from '../rewrite/fold';
import { isShape, showShape, type Shape, type Tensor } from '../types';
import { adapters, isParameter } from './adapters';
import { ReadNode } from './node';
import { dtypeOf, readTensor, type ReadExternal } from './tensors';

export interface ImportOptions {
  /** Shapes of inputs, by name, where the model leaves them open. */
  readonly shapes?: Readonly<Record<string, Shape>>;
  readonly external?: ReadExternal;
}

export interface ImportedModel {
  readonly inputs: ReadonlyMap<string, Value>;
  /** The tensors that can be trained, floating-point and of more than one element, by the names that the model gives them: inputs, and their contents. */
  readonly parameters: ReadonlyMap<string, { readonly value: Value; readonly tensor: Tensor }>;
  readonly outputs: Outputs;
}

/**
 * Reads an ONNX model from elsewhere into the compiler's own form, in which it can be differentiated, printed and trained. Shapes become fixed, and
 * what depends on nothing but shapes and constants is computed here and now. It knows the operators that exporters write for encoders.
 *
 * @throws UserError (code `onnx`) that names what cannot be read: the file, a tensor, an input without a shape, a node, or every unknown operator
 */
export function importModel(bytes: Uint8Array, { shapes = {}, external }: ImportOptions = {}): ImportedModel {
  const model = parse(bytes);
  const { graph } = model;
  if (!graph) throw new UserError('The ONNX file holds no graph.', 'Export the model again.', 'onnx');
  checkOperators(model, graph);

  const values = new Map<string, Value>();
  const inputs = new Map<string, Value>();
  const parameters = new Map<string, { value: Value; tensor: Tensor }>();
  for (const proto of graph.initializer) {
    const name = proto.name;
    const tensor = readTensor(proto, external);
    if (isParameter(tensor)) parameters.set(name, { value: input(name, tensor.dtype, tensor.shape), tensor });
    values.set(name, parameters.get(name)?.value ?? ops.constant(tensor));
  }
  for (const info of graph.input) {
    const name = info.name;
    // Older files list their tensors among the inputs too.
    if (values.has(name)) continue;
    const value = input(name, ...typeOf(info, Object.hasOwn(shapes, name) ? shapes[name] : undefined));
    inputs.set(name, value);
    values.set(name, value);
  }

  const strange = Object.keys(shapes).find((name) => !inputs.has(name));
  if (strange !== undefined)
    throw new UserError(`The model has no input "${strange}".`, `Its inputs are ${[...inputs.keys()].join(', ')}.`, 'onnx');

  const opset = Number(model.opsetImport.find(({ domain }) => domain === '')?.version ?? 1n);
  const settle = settler([...values.values()]);
  for (const proto of graph.node) {
    const operands = proto.input.map((name) => (name === '' ? undefined : (values.get(name) ?? missing(name, proto.name))));
    const node = new ReadNode(proto, operands, opset, external);
    const results = scope(scopeOf(proto.name), () => {
      try {
        const built = adapters[node.op]!(node);
        const values = Array.isArray(built) ? (built as readonly Value[]) : [built as Value];
        return values.map((value, i) => (proto.output[i] ? settle(value) : undefined));
      } catch (error) {
        if (error instanceof GraphError || error instanceof RangeError) return node.fail(error.message.replace(/\.$/, ''));
        throw error;
      }
    });
    proto.output.forEach((name, i) => {
      if (results[i]) values.set(name, results[i]);
    });
  }
  const outputs = new Map(graph.output.map(({ name }) => [name, values.get(name) ?? missing(name, 'the outputs')]));
  return { inputs, parameters, outputs };
}

function parse(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new UserError(
      'The file is no ONNX model.',
      'Choose a file that was exported as ONNX; this one may be damaged or cut off.',
      'onnx',
      {
        cause: error,
      },
    );
  }
}

/** All operators that are unknown at once, so that one look tells whether a model can be read. */
function checkOperators({ functions }: ModelProto, { node }: GraphProto): void {
  const unknown = new Map<string, number>();
  for (const { opType, domain } of node) {
    const standard = ['', 'ai.onnx', 'com.microsoft'].includes(domain);
    const local = functions.some((each) => each.name === opType && each.domain === domain);
    const name = domain ? `${domain}.${opType}` : opType;
    if (!Object.hasOwn(adapters, opType) || !standard || local) unknown.set(name, (unknown.get(name) ?? 0) + 1);
  }
  if (unknown.size === 0) return;
  const list = [...unknown].map(([name, count]) => `${name} (${count} ${count === 1 ? 'node' : 'nodes'})`).join(', ');
  throw new UserError(
    `The model uses operators that cannot be read: ${shortened(list, 1000)}.`,
    'Export it with standard operators, without fusing them.',
    'onnx',
  );
}

function missing(name: string, where: string): never {
  throw new UserError(
    `The value "${name}" that "${where}" needs is nowhere in the model.`,
    'The file is damaged; export the model again.',
    'onnx',
  );
}

function typeOf({ name, type }: ValueInfoProto, given: Shape | undefined): [Value['dtype'], Shape] {
  const proto = type?.value.case === 'tensorType' ? type.value.value : undefined;
  if (!proto) throw new UserError(`The input "${name}" is not a tensor.`, 'Only tensors can be fed.', 'onnx');
  const own = proto.shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : undefined));
  const shape = given ?? own;
  if (!shape?.every((extent) => extent !== undefined))
    throw new UserError(`The input "${name}" has no fixed shape.`, `Say which it should have, as in { "${name}": [2, 8] }.`, 'onnx');
  if (own && given && (own.length !== given.length || own.some((extent, axis) => extent !== undefined && extent !== given[axis])))
    throw new UserError(
      `The input "${name}" cannot have the shape [${given.join(', ')}]: the model says [${own.map((extent) => extent ?? '?').join(', ')}].`,
      'Choose a shape that agrees with it.',
      'onnx',
    );
  if (!isShape(shape))
    throw new UserError(`The input "${name}" has ${showShape(shape)}, which is no shape.`, 'Choose another one.', 'onnx');
  return [dtypeOf(proto.elemType, `The input "${name}"`), shape];
}

/** `/bert/encoder/layer.0/query/MatMul` was built in `bert/encoder/layer.0/query`. */
const scopeOf = (name: string): string => name.split('/').filter(Boolean).slice(0, -1).join('/');

/** Folds what a node's operators have become, as soon as they are built: the shapes of what follows may depend on it. */
function settler(known: readonly Value[]): (value: Value) => Value {
  const settled = new Map<Value, Value>(known.map((value) => [value, value]));
  const settle = (value: Value): Value => {
    const before = settled.get(value);
    if (before) return before;
    const { source } = value;
    let result = value;
    if (source instanceof Node) {
      const inputs = source.inputs.map(settle);
      const node = inputs.every((each, i) => each === source.inputs[i])
        ? source
        : new Node(source.op, source.operator, inputs, source.attributes, source.scope, source.outputs);
      result = (value.index === 0 ? fold(node, () => false)?.[0] : undefined) ?? node.outputs[value.index]!;
    }
    settled.set(value, result);
    settled.set(result, result);
    return result;
  };
  return settle;
}
