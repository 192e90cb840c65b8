import { Constant, Input, Node, scope, topologicalOrder, type Value } from './graph';
import * as ops from './ops';
import { isFloat } from './types';

/** Copies of the segments of a model, each computed only when the way back has come to it. */
export class Recomputation {
  readonly #members = new Map<symbol, Node[]>();
  readonly #copies = new Map<Node, Node>();
  /** Gradients that are to be there before the next segment is computed again, so that what they are made of is free by then. */
  #awaited: Value[] = [];

  constructor(loss: Value) {
    for (const node of topologicalOrder([loss])) {
      if (!node.segment) continue;
      const members = this.#members.get(node.segment) ?? [];
      this.#members.set(node.segment, members);
      members.push(node);
    }
  }

  /** A node as it is computed again, once the gradients of its outputs are there; nodes outside of segments are kept as they are. */
  copyOf(node: Node, upstream: readonly (Value | undefined)[]): Node {
    if (!node.segment) return node;
    if (!this.#copies.has(node))
      this.#copy(this.#members.get(node.segment)!, [...upstream.filter((value) => value !== undefined), ...this.#awaited]);
    return this.#copies.get(node)!;
  }

  /** Has the segments that are not yet computed again wait for a value. */
  wait(value: Value): void {
    this.#awaited.push(value);
  }

  #copy(members: readonly Node[], signals: readonly Value[]): void {
    this.#awaited = [];
    const arrived = scope('recompute', () => zeroAfter(signals));
    const values = new Map<Value, Value>();
    const valueOf = (value: Value): Value => {
      const known = values.get(value);
      if (known) return known;
      const outside = isAlwaysThere(value) ? value : scope('recompute', () => after(value, arrived));
      values.set(value, outside);
      return outside;
    };
    for (const node of members) {
      const copy = new Node(node.op, node.operator, node.inputs.map(valueOf), node.attributes, node.scope, node.outputs);
      node.outputs.forEach((output, i) => values.set(output, copy.outputs[i]!));
      this.#copies.set(node, copy);
    }
  }
}

/** Parameters and the like. Whole numbers are not: all that is random follows from one, and masks that are made early would be kept. */
const isAlwaysThere = ({ source, dtype }: Value): boolean => source instanceof Constant || (source instanceof Input && isFloat(dtype));

/** An int32 zero, which every device can add up, of shape [1] that cannot be known before some values are. */
function zeroAfter(values: readonly Value[]): Value {
  const firsts = values.map((value) => ops.slice(ops.reshape(value, [-1]), [0], [1]));
  const flags = ops.cast(ops.greater(ops.concat(firsts, 0), 0), 'int32');
  return ops.reduceSum(ops.mul(flags, 0), { keepdims: 1 });
}

/** A value to the bit, infinities and NaN included, that cannot be read before `zero` is there. No optimiser can see that it is the same. */
function after(value: Value, zero: Value): Value {
  // A factor stays where products can absorb it, as they do on the way there.
  const factored = ops.scaled(value);
  if (factored) return ops.mul(after(factored.x, zero), factored.factor);
  if (!isFloat(value.dtype)) return ops.add(value, ops.cast(ops.reshape(zero, []), value.dtype));
  const rows = value.rank === 0 ? ops.reshape(value, [1]) : value;
  const places = ops.vector(
    'int32',
    Array.from({ length: rows.shape[0]! }, (_, i) => i),
  );
  return ops.reshape(ops.gather(rows, ops.add(places, zero)), value.shape);
}
