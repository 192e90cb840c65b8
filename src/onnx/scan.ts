import { create, toBinary } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType, AttributeProtoSchema, ModelProtoSchema, NodeProtoSchema } from 'onnx-buf';
import { type Input, inputsOf, type Outputs, type Value } from './graph';
import { bodyOf, graphOf, modelOf, nameValues, valueInfo } from './serialise';
import { sameShape, type Type } from './types';

/** The name of the dimension of turns. */
const TURNS = 'turns';
/** Begins the names inside of the body: those of the model around it are its inputs and outputs. */
const INSIDE = 'step/';

export interface ScanOptions {
  /** What the graph carries from turn to turn: for each of these inputs the output that it is in the next turn. */
  readonly state: ReadonlyMap<string, string>;
  /** See `serialise`. */
  readonly muted?: boolean;
}

/**
 * A graph done several times over in one run, as a model that is one ONNX `Scan`. It has the graph's own names. Inputs and outputs of `state` are as
 * they are; of every other input the model takes, and of every other output it gives, one for each turn: [turns, …]. All shapes in the graph are fixed;
 * how many turns there are is open until it runs, so that one session serves any number. Scan is preferred to Loop since it needs no condition from turn
 * to turn, which a GPU would have to tell the CPU.
 *
 * @throws Error when an input of `state` and its output differ in type
 */
export function serialiseScan(graph: Outputs, { state, muted = false }: ScanOptions): Uint8Array {
  const names = nameValues(graph);
  const inputs = new Map(inputsOf(graph.values()).map((value) => [(value.source as Input).name, value]));
  const carried = [...state].map(([input, output]) => {
    const type = graph.get(output);
    const from = inputs.get(input) ?? type;
    if (!type || type.dtype !== from?.dtype || !sameShape(type.shape, from.shape))
      throw new Error(`The output "${output}" cannot be the next "${input}": it is of another type, or not there.`);
    return { input, output, type };
  });
  const scanned = [...inputs].filter(([name]) => !state.has(name));
  const stateOutputs = new Set(state.values());
  const collected = [...graph].filter(([name]) => !stateOutputs.has(name));

  const inside = (name: string): string => INSIDE + name;
  const nameOf = (value: Value): string => inside(names.get(value)!);
  const one = (name: string, type: Type) => valueInfo(inside(name), type);
  const body = graphOf({
    name: 'step',
    ...bodyOf(graph, nameOf, inside),
    inputs: [...carried.map(({ input, type }) => one(input, type)), ...scanned.map(([name, value]) => one(name, value))],
    outputs: [...carried.map(({ output, type }) => one(output, type)), ...collected.map(([name, value]) => one(name, value))],
  });
  const all = (name: string, { dtype, shape }: Type) => valueInfo(name, { dtype, shape: [TURNS, ...shape] });
  const inputInfo = [...carried.map(({ input, type }) => valueInfo(input, type)), ...scanned.map(([name, value]) => all(name, value))];
  const outputInfo = [...carried.map(({ output, type }) => valueInfo(output, type)), ...collected.map(([name, value]) => all(name, value))];
  const scan = create(NodeProtoSchema, {
    opType: 'Scan',
    name: 'steps',
    input: inputInfo.map(({ name }) => name),
    output: outputInfo.map(({ name }) => name),
    attribute: [
      create(AttributeProtoSchema, { name: 'body', type: AttributeProto_AttributeType.GRAPH, g: body }),
      create(AttributeProtoSchema, { name: 'num_scan_inputs', type: AttributeProto_AttributeType.INT, i: BigInt(scanned.length) }),
    ],
  });
  const model = modelOf({ name: 'steps', nodes: [scan], constants: [], inputs: inputInfo, outputs: outputInfo, muted });
  return toBinary(ModelProtoSchema, model);
}
