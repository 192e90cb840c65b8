import { Constant, Input, Node, topologicalOrder, type Outputs, type Value } from './graph';
import { fold } from './fold';
import * as ops from './ops';
import { simplify } from './simplify';
import type { Tensor } from './types';

/**
 * Rewrites a graph into an equivalent, cheaper one: lowers what is no ONNX operator, folds constants, applies the identities of `simplify`, and
 * shares equal subexpressions. Nodes that nothing needs disappear by themselves. Inputs are kept as they are.
 */
export function optimise(outputs: Outputs): Outputs {
  let current = outputs;
  // A rewrite can expose another (a lowered operator folds, a folded operand simplifies); three rounds reach a fixed point in practice.
  for (let round = 0, before = -1; round < 4; round++) {
    const count = topologicalOrder(current.values()).length;
    if (count === before) break;
    before = count;
    current = rewrite(current);
  }
  return current;
}

function rewrite(outputs: Outputs): Outputs {
  const renamed = new Map<Value, Value>();
  const shared = new Map<string, readonly Value[]>();
  const identities = new Map<Value, number>();
  const constants = new Map<string, Value>();
  const uses = countUses(outputs);

  const identityOf = (value: Value): number => {
    const known = identities.get(value);
    if (known !== undefined) return known;
    identities.set(value, identities.size);
    return identities.size - 1;
  };
  const shareConstant = (value: Value): Value => {
    const tensor = ops.constantOf(value);
    if (!tensor || tensor.data.length > 16) return value;
    const key = keyOfTensor(tensor);
    const first = constants.get(key) ?? value;
    constants.set(key, first);
    return first;
  };
  const resolve = (value: Value): Value => renamed.get(value) ?? shareConstant(value);
  /** The same application of the same operator to the same operands, if the graph has it already. */
  const share = (value: Value): Value => {
    const { source } = value;
    if (source instanceof Constant) return shareConstant(value);
    if (source instanceof Input) return value;
    const key = `${source.op}|${source.inputs.map(identityOf).join()}|${JSON.stringify(source.attributes)}`;
    const first = shared.get(key);
    if (!first) shared.set(key, source.outputs);
    return (first ?? source.outputs)[value.index]!;
  };

  for (const node of topologicalOrder(outputs.values())) {
    const inputs = node.inputs.map(resolve);
    const moved = inputs.every((value, i) => value === node.inputs[i])
      ? node
      : new Node(node.op, node.operator, inputs, node.attributes, node.scope, node.outputs);
    const replacement =
      fold(moved) ?? simplify(moved, (value) => (uses.get(value) ?? 0) <= 1) ?? node.operator.lower?.(inputs, node.attributes as never);
    node.outputs.forEach((output, i) => {
      const value = share(replacement && i === 0 ? replacement : moved.outputs[i]!);
      renamed.set(output, value);
      uses.set(value, (uses.get(value) ?? 0) + (uses.get(output) ?? 0));
    });
  }
  return new Map([...outputs].map(([name, value]) => [name, resolve(value)]));
}

const keyOfTensor = ({ dtype, shape, data }: Tensor): string => `${dtype}[${shape.join()}]${[...data].map(keyOfNumber).join()}`;
const keyOfNumber = (value: number | bigint): string => (Object.is(value, -0) ? '-0' : String(value));

function countUses(outputs: Outputs): Map<Value, number> {
  const uses = new Map<Value, number>();
  const use = (value: Value): void => void uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of topologicalOrder(outputs.values())) node.inputs.forEach(use);
  for (const value of outputs.values()) use(value);
  return uses;
}
