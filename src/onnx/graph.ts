import type { Operator, OperatorName } from './operators';
import { showType, type DType, type Shape, type Tensor, type Type } from './types';

/**
 * The intermediate representation: a directed graph of immutable values. A value knows the node that makes it, so a graph is simply what can be
 * reached from its outputs: nothing that is not needed is ever part of it, and there is no builder to carry around.
 */
export class Value implements Type {
  readonly dtype: DType;
  readonly shape: Shape;

  constructor(
    type: Type,
    readonly source: Input | Constant | Node,
    /** Which of the node's outputs this is. */
    readonly index = 0,
  ) {
    this.dtype = type.dtype;
    this.shape = type.shape;
  }

  get rank(): number {
    return this.shape.length;
  }
}

/** A value that the caller feeds. */
export class Input {
  constructor(readonly name: string) {}
}

export class Constant {
  constructor(readonly tensor: Tensor) {}
}

export type Attribute = number | string | readonly number[];
export type Attributes = Readonly<Record<string, Attribute | undefined>>;

let currentSegment: symbol | undefined;

/** One application of an operator. */
export class Node {
  readonly outputs: readonly Value[];
  /** The part of the model that it belongs to, see {@link segment}. */
  readonly segment = currentSegment;

  constructor(
    readonly op: OperatorName,
    readonly operator: Operator,
    readonly inputs: readonly Value[],
    readonly attributes: Attributes,
    /** Where in the model it was built, such as `encoder/layer.0/attention`. */
    readonly scope: string,
    types: readonly Type[],
  ) {
    this.outputs = types.map((type, index) => new Value(type, this, index));
  }
}

/** A mistake in a graph under construction: names the operator, the types it was given and the place that built it. */
export class GraphError extends Error {
  override readonly name = 'GraphError';

  constructor(op: string, inputs: readonly Type[], problem: string, scope = currentScope()) {
    super(`${op}(${inputs.map(showType).join(', ')}): ${problem}${scope && `, in ${scope}`}.`);
  }
}

let scopePath = '';

export const currentScope = (): string => scopePath;

/** Names the part of the model that `build` writes; scopes nest as `encoder/layer.0/attention`. */
export const scope = <T>(name: string, build: () => T): T => inScope(scopePath ? `${scopePath}/${name}` : name, build);

/** Has what `build` writes belong to a scope, whatever the one it is written in: as a node does that takes another's place. */
export function inScope<T>(path: string, build: () => T): T {
  const outer = scopePath;
  scopePath = path;
  try {
    return build();
  } finally {
    scopePath = outer;
  }
}

const FULL = 'float32';

/** Has the matrix products that `build` writes, and those of their gradients, stay in float32 whatever the precision of a training. */
export const inFloat32 = <T>(build: () => T): T => scope(FULL, build);
export const staysInFloat32 = ({ scope }: Node): boolean => scope.split('/').includes(FULL);

/**
 * Marks what `build` writes, such as a layer, as one part: with recomputation, `grad` keeps of its values only those that other parts read, and computes
 * the rest again.
 */
export function segment<T>(build: () => T): T {
  const outer = currentSegment;
  currentSegment = Symbol();
  try {
    return build();
  } finally {
    currentSegment = outer;
  }
}

export function input(name: string, dtype: DType, shape: Shape): Value {
  return new Value({ dtype, shape }, new Input(name));
}

/** Every node that `outputs` need, each after the nodes it depends on. Iterative: deep models do not overflow the stack. */
export function topologicalOrder(outputs: Iterable<Value>): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  const enter = (value: Value): void => {
    const { source } = value;
    if (!(source instanceof Node) || seen.has(source)) return;
    seen.add(source);
    stack.push({ node: source, next: 0 });
  };
  for (const output of outputs) {
    enter(output);
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      const operand = frame.node.inputs[frame.next++];
      if (operand) enter(operand);
      else order.push((stack.pop(), frame.node));
    }
  }
  return order;
}

/** The named results of a computation, and with them the computation. */
export type Outputs = ReadonlyMap<string, Value>;

/** The inputs that a set of values depends on, each once, in order of first use. */
export function inputsOf(outputs: Iterable<Value>): Value[] {
  const values = [...outputs];
  const found = new Set<Value>();
  for (const value of [...topologicalOrder(values).flatMap((node) => node.inputs), ...values]) {
    if (value.source instanceof Input) found.add(value);
  }
  return [...found];
}
