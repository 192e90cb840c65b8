import type { AttributeProto, NodeProto } from 'onnx-buf';
import { UserError } from '../../shared/errors';
import type { Value } from '../graph';
import { constantOf } from '../ops';
import type { Tensor } from '../types';
import { readTensor, type ReadExternal } from './tensors';

/** A node of a model that is being read: its operands as values, its attributes by name. */
export class ReadNode {
  readonly #attributes: Map<string, AttributeProto>;

  constructor(
    readonly proto: NodeProto,
    /** `undefined` where an optional operand is left out. */
    readonly operands: readonly (Value | undefined)[],
    readonly opset: number,
    private readonly external: ReadExternal | undefined,
  ) {
    this.#attributes = new Map(proto.attribute.map((attribute) => [attribute.name, attribute]));
  }

  get op(): string {
    return this.proto.opType;
  }

  /** @throws UserError (code `onnx`) that names the node */
  fail(problem: string, hint = 'Export the model with fixed shapes and standard operators.'): never {
    throw new UserError(`${this.op} "${this.proto.name}": ${problem}.`, hint, 'onnx');
  }

  operand(i: number): Value {
    return this.operands[i] ?? this.fail(`operand ${i + 1} is missing`);
  }

  has(name: string): boolean {
    return this.#attributes.has(name);
  }

  int(name: string, otherwise: number): number {
    const attribute = this.#attributes.get(name);
    return attribute ? Number(attribute.i) : otherwise;
  }

  float(name: string, otherwise: number): number {
    return this.#attributes.get(name)?.f ?? otherwise;
  }

  ints(name: string): number[] | undefined {
    return this.#attributes.get(name)?.ints.map(Number);
  }

  floats(name: string): number[] | undefined {
    return this.#attributes.get(name)?.floats.slice();
  }

  text(name: string, otherwise: string): string {
    const attribute = this.#attributes.get(name);
    return attribute?.s ? new TextDecoder().decode(attribute.s) : otherwise;
  }

  tensor(name: string): Tensor | undefined {
    const proto = this.#attributes.get(name)?.t;
    return proto && readTensor(proto, this.external);
  }

  /** The whole numbers of an operand that must be known when the graph is built; undefined if it is left out. */
  constantInts(i: number, what: string): number[] | undefined {
    const value = this.operands[i];
    if (!value) return undefined;
    const tensor = constantOf(value);
    if (!tensor) this.fail(`its ${what} depend on data, and only fixed ones can be read`);
    return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
  }

  /** What older opsets give as an attribute and newer ones as an operand. */
  intsOf(name: string, i: number): number[] | undefined {
    return this.ints(name) ?? this.constantInts(i, name);
  }

  /** A single number that must be known when the graph is built. */
  constantNumber(i: number, what: string): number | undefined {
    const value = this.operands[i];
    if (!value) return undefined;
    const tensor = constantOf(value);
    if (tensor?.data.length !== 1) this.fail(`its ${what} depends on data, and only a fixed one can be read`);
    return Number(tensor.data[0]);
  }
}
