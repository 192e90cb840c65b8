import { Constant, Input, inScope, Node, topologicalOrder, type Outputs, type Value } from '../graph';
import * as ops from '../ops';
import { keyOfNumber, type Tensor } from '../types';

/**
 * An equivalent of a node that is cheaper: a value for each of its outputs (those left out stay as they are), or undefined where the rule does not
 * apply.
 *
 * @param usedOnce whether nothing else needs a value, so that absorbing the node behind it saves its work
 */
export type Rule = (node: Node, usedOnce: (value: Value) => boolean) => readonly Value[] | undefined;

/**
 * One pass of rewriting: visits every node after its inputs, replaces it by the first rule that applies, and shares equal subexpressions. Nodes
 * that nothing needs any more disappear by themselves. Inputs are kept as they are.
 */
export function rewrite(outputs: Outputs, rules: readonly Rule[]): { outputs: Outputs; changed: boolean } {
  const renamed = new Map<Value, Value>();
  const shared = new Map<string, readonly Value[]>();
  const identities = new Map<Value, number>();
  const constants = new Map<string, Value>();
  const uses = countUses(outputs);
  let changed = false;

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
    const key = `${source.op}|${source.inputs.map(identityOf).join()}|${JSON.stringify(source.attributes, distinctly)}`;
    const first = shared.get(key);
    if (!first) shared.set(key, source.outputs);
    return (first ?? source.outputs)[value.index]!;
  };
  const usedOnce = (value: Value): boolean => (uses.get(value) ?? 0) <= 1;

  for (const node of topologicalOrder(outputs.values())) {
    const inputs = node.inputs.map(resolve);
    const moved = inputs.every((value, i) => value === node.inputs[i])
      ? node
      : new Node(node.op, node.operator, inputs, node.attributes, node.scope, node.outputs);
    const replaced = inScope(node.scope, () => firstOf(rules, moved, usedOnce));
    changed ||= replaced !== undefined;
    node.outputs.forEach((output, i) => {
      const value = share(replaced?.[i] ?? moved.outputs[i]!);
      renamed.set(output, value);
      if (value !== output) uses.set(value, (uses.get(value) ?? 0) + (uses.get(output) ?? 0));
    });
  }
  return { outputs: new Map([...outputs].map(([name, value]) => [name, resolve(value)])), changed };
}

function firstOf(rules: readonly Rule[], node: Node, usedOnce: (value: Value) => boolean): readonly Value[] | undefined {
  for (const rule of rules) {
    const replaced = rule(node, usedOnce);
    if (replaced) return replaced;
  }
  return undefined;
}

const keyOfTensor = ({ dtype, shape, data }: Tensor): string => `${dtype}[${shape.join()}]${[...data].map(keyOfNumber).join()}`;
/** JSON writes ±∞ and NaN alike, and −0 as 0. */
const distinctly = (_: string, value: unknown): unknown => (typeof value === 'number' ? keyOfNumber(value) : value);

function countUses(outputs: Outputs): Map<Value, number> {
  const uses = new Map<Value, number>();
  const use = (value: Value): void => void uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of topologicalOrder(outputs.values())) node.inputs.forEach(use);
  for (const value of outputs.values()) use(value);
  return uses;
}
