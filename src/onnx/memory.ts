import { type Node, topologicalOrder, type Outputs, type Value } from './graph';
import { allocate, size, type Type } from './types';

/** Bytes of a tensor. */
export const bytesOf = ({ dtype, shape }: Type): number => (dtype === 'bfloat16' ? 2 : allocate(dtype, 0).BYTES_PER_ELEMENT) * size(shape);

/** The moment of a run at which most is in memory. */
export interface Peak {
  readonly bytes: number;
  /** What is there then. */
  readonly live: readonly Value[];
}

/** Operators whose result is their first operand under another shape: nothing is copied. */
export const ALIASES: ReadonlySet<Node['op']> = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Identity']);

/**
 * What a run needs at most for the values between inputs and outputs, when each lives from the node that makes it to the last that reads it, nodes run in
 * the order in which they are serialised, and an elementwise operator writes over an operand that nothing else needs. Inputs, constants and outputs are the
 * caller's memory.
 */
export function peakOf(outputs: Outputs): Peak {
  const order = topologicalOrder(outputs.values());
  const aliases = new Map<Value, Value>();
  const ownerOf = (value: Value): Value => aliases.get(value) ?? value;
  for (const { op, inputs, outputs } of order) if (ALIASES.has(op)) aliases.set(outputs[0]!, ownerOf(inputs[0]!));
  const readBy = ({ inputs }: Node): Set<Value> => new Set(inputs.map(ownerOf));
  const readers = new Map<Value, number>();
  for (const node of order) for (const value of readBy(node)) readers.set(value, (readers.get(value) ?? 0) + 1);
  const handedOut = new Set([...outputs.values()].map(ownerOf));

  const live = new Set<Value>();
  let bytes = 0;
  let peak: Peak = { bytes: 0, live: [] };
  const free = (value: Value): void => {
    if (live.delete(value)) bytes -= bytesOf(value);
  };
  for (const node of order) {
    const dying = [...readBy(node)].filter((value) => {
      readers.set(value, readers.get(value)! - 1);
      return readers.get(value) === 0;
    });
    const made = node.outputs.filter((value) => !aliases.has(value) && !handedOut.has(value) && readers.has(value));
    const overwritten = node.operator.evaluate && dying.find((value) => made[0] && bytesOf(value) === bytesOf(made[0]));
    if (overwritten) free(overwritten);
    for (const value of made) {
      live.add(value);
      bytes += bytesOf(value);
    }
    if (bytes > peak.bytes) peak = { bytes, live: [...live] };
    dying.forEach(free);
  }
  return peak;
}
