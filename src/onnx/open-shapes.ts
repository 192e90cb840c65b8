import { create, equals, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  ValueInfoProtoSchema,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import type { Outputs } from './graph';
import { standardProduct } from './rewrite/arrange';
import { rewrite } from './rewrite/rewrite';
import { modelProto, tensorProto } from './serialise';
import { size, tensor, type Tensor } from './types';

/** A size that is known only when the model runs. */
export interface OpenSize {
  /** The input that has it, and along which axis. */
  readonly input: string;
  readonly axis: number;
  /** Two sizes to build the graph with, from 2 on. The first is the largest that there can be, if anything limits it. */
  readonly between: Pair;
}

/** A number in the graph of the first sizes, and the same in that of the second. */
type Pair = readonly [number, number];

/**
 * A graph as an ONNX model whose sizes are open. Graphs here have fixed shapes, so this one is built twice, with other sizes, and the two are compared:
 * what differs follows from the sizes, and is written as it follows. Numbers in an operand become products of sizes, which the model takes from its
 * inputs' shapes; of a constant that grows with a size, the larger is kept, and as much of its beginning is taken as is needed. What differs in any other
 * way is an error, so that a model that is written is right for all sizes if it is right for both.
 *
 * @param build the graph for given sizes
 * @param weights the inputs that are part of the model
 * @throws Error where the graphs differ in what does not follow from the sizes
 */
export function serialiseOpen<Name extends string>(
  sizes: Readonly<Record<Name, OpenSize>>,
  build: (sizes: Readonly<Record<Name, number>>) => Outputs,
  weights: ReadonlyMap<string, Tensor>,
): Uint8Array {
  const [model, other] = ([0, 1] as const).map((i) => {
    const given = Object.fromEntries(Object.entries<OpenSize>(sizes).map(([name, { between }]) => [name, between[i]]));
    return modelProto(rewrite(build(given as Record<Name, number>), [standardProduct]).outputs);
  });
  model!.graph = new Opener(model!.graph!, other!.graph!, sizes).open(weights);
  return toBinary(ModelProtoSchema, model!);
}

/** A number, or a product of sizes and a factor. */
interface Product {
  readonly factor: number;
  readonly names: readonly string[];
}

/** What the reshaping of a tensor takes for the one size that follows from the others. */
const FOLLOWS = -1;

class Opener {
  readonly #nodes: NodeProto[] = [];
  readonly #constants = new Map<string, TensorProto>();
  /** Values that were written already, by what they are. */
  readonly #written = new Set<string>();
  readonly #initializers: readonly ReadonlyMap<string, TensorProto>[];
  /** Every set of sizes that can be multiplied. */
  readonly #products: readonly (readonly string[])[];

  constructor(
    private readonly graph: GraphProto,
    private readonly other: GraphProto,
    private readonly sizes: Readonly<Record<string, OpenSize>>,
  ) {
    this.#initializers = [graph, other].map(({ initializer }) => new Map(initializer.map((each) => [each.name, each])));
    this.#products = Object.keys(sizes).reduce<string[][]>((sets, name) => [...sets, ...sets.map((set) => [...set, name])], [[]]);
  }

  open(weights: ReadonlyMap<string, Tensor>): GraphProto {
    const { graph, other } = this;
    if (graph.node.length !== other.node.length) throw new Error('A graph of other sizes has other nodes.');
    graph.node.forEach((node, i) => this.#nodes.push(this.#node(node, other.node[i]!)));
    const infos = (a: readonly ValueInfoProto[], b: readonly ValueInfoProto[]): ValueInfoProto[] =>
      a.map((each, i) => this.#info(each, b[i]!));
    const inputs = infos(graph.input, other.input).filter(({ name }) => !weights.has(name));
    for (const { name } of graph.input) if (weights.has(name)) this.#keep(tensorProto(weights.get(name)!, name));
    return {
      ...graph,
      node: this.#nodes,
      initializer: [...this.#constants.values()],
      input: inputs,
      output: infos(graph.output, other.output),
    };
  }

  #node(node: NodeProto, other: NodeProto): NodeProto {
    const same =
      node.opType === other.opType && node.input.length === other.input.length && node.attribute.length === other.attribute.length;
    if (!same || !node.attribute.every((each, i) => equals(AttributeProtoSchema, each, other.attribute[i]!)))
      throw new Error(`${node.name} is another node in a graph of other sizes.`);
    return { ...node, input: node.input.map((name, i) => this.#operand(node, name, other.input[i]!)) };
  }

  #operand(node: NodeProto, name: string, other: string): string {
    const [a, b] = [this.#initializers[0]!.get(name), this.#initializers[1]!.get(other)];
    if (!a && !b && name === other) return name;
    if (!a || !b) throw new Error(`${node.name} has another operand in a graph of other sizes.`);
    if (a.dims.join() !== b.dims.join()) return this.#beginning(node, a, b);
    if (bytesOf(a).equals(bytesOf(b))) return this.#keep(a);
    if (isInteger(a)) return this.#extent(this.#product([integersOf(a)[0]!, integersOf(b)[0]!], node.name));
    // Operands that are lists of numbers are named after them, and constants are not.
    if (name === other) throw new Error(`${node.name} has a constant that follows from the sizes.`);
    const values = integersOf(a).map((value, i) => this.#product([value, integersOf(b)[i]!], node.name));
    const open = values.filter(({ names }) => names.length > 0);
    if (node.opType === 'Reshape' && open.length === 1)
      return this.#integers(values.map((each) => (each.names.length > 0 ? FOLLOWS : each.factor)));
    return this.#vector(values);
  }

  /** The part of a constant that sizes ask for: those of smaller sizes are the beginnings of those of larger ones. */
  #beginning(node: NodeProto, a: TensorProto, b: TensorProto): string {
    const [larger, lesser] = [a.dims.map(Number), b.dims.map(Number)];
    const extents = larger.map((extent, axis) => this.#product([extent, lesser[axis]!], node.name));
    const axes = [...larger.keys()].filter((axis) => extents[axis]!.names.length > 0);
    if (larger.length !== lesser.length || !isBeginning(bytesOf(b), lesser, bytesOf(a), larger))
      throw new Error(`${node.name} has a constant whose beginning is another in a graph of other sizes.`);
    const name = `${a.name} (beginning)`;
    const [starts, ends] = [this.#integers(axes.map(() => 0)), this.#vector(axes.map((axis) => extents[axis]!))];
    return this.#write(name, 'Slice', [this.#keep(a), starts, ends, this.#integers(axes)]);
  }

  /** What a number is that is the first of a pair for some sizes and the second for others. */
  #product([a, b]: Pair, where: string): Product {
    if (a === b) return { factor: a, names: [] };
    const factorOf = (names: readonly string[], i: 0 | 1, of: number): number =>
      of / size(names.map((name) => this.sizes[name]!.between[i]));
    const found = this.#products
      .map((names) => ({ names, factor: factorOf(names, 0, a) }))
      .filter(({ names, factor }) => Number.isInteger(factor) && factor === factorOf(names, 1, b));
    if (found.length !== 1) throw new Error(`${where}: ${a} and ${b} do not follow from the sizes.`);
    return found[0]!;
  }

  /** A vector int64 of numbers and products. */
  #vector(values: readonly Product[]): string {
    const parts = values.map((each) => this.#extent(each));
    return parts.length === 1 ? parts[0]! : this.#write(`sizes/[${values.map(show).join()}]`, 'Concat', parts, { axis: 0 });
  }

  /** A vector int64 [1] that holds a product. */
  #extent({ factor, names }: Product): string {
    if (names.length === 0) return this.#integers([factor]);
    const sizes = names.map((name) => {
      const { input, axis } = this.sizes[name]!;
      return this.#write(`sizes/${name}`, 'Shape', [input], { start: axis, end: axis + 1 });
    });
    const factors = factor === 1 ? sizes : [this.#integers([factor]), ...sizes];
    return factors.reduce((product, each, i) => this.#write(`sizes/${show({ factor, names })}.${i}`, 'Mul', [product, each]));
  }

  #integers(values: readonly number[]): string {
    return this.#keep(tensorProto(tensor('int64', [values.length], values), `int64[${values.join()}]`));
  }

  #keep(constant: TensorProto): string {
    this.#constants.set(constant.name, constant);
    return constant.name;
  }

  /** Adds a node, once. */
  #write(name: string, opType: string, input: string[], attributes: Readonly<Record<string, number>> = {}): string {
    if (this.#written.has(name)) return name;
    this.#written.add(name);
    const attribute = Object.entries(attributes).map(([key, value]) =>
      create(AttributeProtoSchema, { name: key, type: AttributeProto_AttributeType.INT, i: BigInt(value) }),
    );
    this.#nodes.push(create(NodeProtoSchema, { opType, name, input, output: [name], attribute }));
    return name;
  }

  /** The type of an input or output, its open sizes under their names. */
  #info(info: ValueInfoProto, other: ValueInfoProto): ValueInfoProto {
    const [a, b] = [dimensionsOf(info), dimensionsOf(other)];
    const { type } = info;
    if (type?.value.case !== 'tensorType' || info.name !== other.name)
      throw new Error(`${info.name} is another value in a graph of other sizes.`);
    const dim = a.map((extent, axis) => {
      const product = this.#product([extent, b[axis]!], info.name);
      return {
        value:
          product.names.length > 0
            ? ({ case: 'dimParam', value: show(product) } as const)
            : ({ case: 'dimValue', value: BigInt(extent) } as const),
      };
    });
    const { elemType } = type.value.value;
    return create(ValueInfoProtoSchema, { name: info.name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } });
  }
}

const show = ({ factor, names }: Product): string => [...(factor === 1 && names.length > 0 ? [] : [factor]), ...names].join('*');

const dimensionsOf = ({ type }: ValueInfoProto): number[] =>
  type?.value.case === 'tensorType' ? (type.value.value.shape?.dim ?? []).map(({ value }) => Number(value.value)) : [];

const bytesOf = ({ rawData }: TensorProto): Buffer => Buffer.from(rawData);

const integersOf = (vector: TensorProto): number[] => {
  const bytes = bytesOf(vector);
  return Array.from({ length: bytes.length / 8 }, (_, i) => Number(bytes.readBigInt64LE(8 * i)));
};

/** Whether a tensor is one whole number; a vector of one takes its place, which broadcasts like it. */
const isInteger = ({ dataType, dims }: TensorProto): boolean => dims.length === 0 && dataType === (TensorProto_DataType.INT64 as number);

/** Whether a tensor is what a larger one begins with along every axis. */
function isBeginning(part: Buffer, extents: readonly number[], whole: Buffer, larger: readonly number[]): boolean {
  if (extents.some((extent, axis) => extent > larger[axis]!)) return false;
  const width = part.length / size(extents);
  for (let i = 0; i < size(extents); i++) {
    let [rest, place, stride] = [i, 0, 1];
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      place += (rest % extents[axis]!) * stride;
      rest = Math.floor(rest / extents[axis]!);
      stride *= larger[axis]!;
    }
    if (!part.subarray(i * width, (i + 1) * width).equals(whole.subarray(place * width, (place + 1) * width))) return false;
  }
  return true;
}
