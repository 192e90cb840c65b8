import { create, toBinary } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, NodeProtoSchema, type NodeProto, type TensorProto } from 'onnx-buf';
import type { Attribute } from './graph';
import { attributeProto, MODEL_HEADER, tensorProto, valueInfo } from './serialise';
import { tensor, type DType, type Tensor } from './types';

/** A type whose sizes may be open: a name stands for one that is known when the model runs. */
export interface OpenType {
  readonly dtype: DType;
  readonly shape: readonly (number | string)[];
}

/**
 * Writes an ONNX model whose shapes are open, node after node. The compiler's own graphs have fixed shapes, which is what makes them fast and checkable;
 * a model that is given away has to take texts of any length. Nothing is checked or optimised here: runtimes do.
 */
export class OpenGraph {
  readonly #nodes: NodeProto[] = [];
  readonly #constants = new Map<string, TensorProto>();

  /** Adds a node with one output; gives its name, which is `place` or made from it. */
  node(place: string, opType: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const name = `${place}/${opType}.${this.#nodes.length}`;
    const attribute = Object.entries(attributes).map(([key, value]) => attributeProto(key, value));
    this.#nodes.push(create(NodeProtoSchema, { opType, name, input: [...inputs], output: [name], attribute }));
    return name;
  }

  /** A tensor of the model, once under its name. */
  constant(name: string, value: Tensor): string {
    if (!this.#constants.has(name)) this.#constants.set(name, tensorProto(value, name));
    return name;
  }

  /** Whole numbers such as axes and shapes. */
  integers(...values: number[]): string {
    return this.constant(`int64[${values.join()}]`, tensor('int64', [values.length], values));
  }

  float(value: number): string {
    return this.constant(`float32 ${value}`, tensor('float32', [], [value]));
  }

  /** @param outputs their types under the names that the model gives them, and the values that they are */
  finish(
    name: string,
    inputs: Readonly<Record<string, OpenType>>,
    outputs: Readonly<Record<string, OpenType & { value: string }>>,
  ): Uint8Array {
    for (const [output, { value }] of Object.entries(outputs))
      this.#nodes.push(create(NodeProtoSchema, { opType: 'Identity', name: output, input: [value], output: [output] }));
    const graph = create(GraphProtoSchema, {
      name,
      node: this.#nodes,
      initializer: [...this.#constants.values()],
      input: Object.entries(inputs).map(([each, type]) => valueInfo(each, type)),
      output: Object.entries(outputs).map(([each, type]) => valueInfo(each, type)),
    });
    return toBinary(ModelProtoSchema, create(ModelProtoSchema, { ...MODEL_HEADER, graph }));
  }
}
