import { inputsOf, topologicalOrder, type Attribute, type Node, type Outputs, type Value } from './graph';
import { constantOf } from './ops';
import { nameValues } from './serialise';
import { showType } from './types';

/**
 * The graph as a person would write it, one value a line, grouped by the part of the model that built it:
 *
 * ```
 * input_ids: int64[8, 64]
 *
 * # encoder/layer.0/attention
 * q = Gemm(x, query.weight, query.bias, transB=1)   float32[512, 128]
 * ```
 */
export function print(outputs: Outputs): string {
  const names = nameValues(outputs);
  const nameOf = (value: Value): string => {
    const tensor = constantOf(value);
    if (tensor?.data.length === 1) return String(tensor.data[0]);
    return names.get(value)!;
  };
  const lines = inputsOf(outputs.values()).map((value) => `${nameOf(value)}: ${showType(value)}`);
  let scope: string | undefined;
  for (const node of topologicalOrder(outputs.values())) {
    if (node.scope !== scope) lines.push('', `# ${node.scope || 'top'}`);
    scope = node.scope;
    lines.push(printNode(node, nameOf));
  }
  return [
    ...lines,
    '',
    `return ${[...outputs].map(([name, value]) => (nameOf(value) === name ? name : `${name}=${nameOf(value)}`)).join(', ')}`,
    '',
  ].join('\n');
}

function printNode(node: Node, nameOf: (value: Value) => string): string {
  const short = (name: string): string => (node.scope && name.startsWith(`${node.scope}/`) ? name.slice(node.scope.length + 1) : name);
  const attributes = Object.entries(node.attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${printAttribute(value)}`],
  );
  const operands = [...node.inputs.map((value) => short(nameOf(value))), ...attributes].join(', ');
  const results = node.outputs.map((value) => short(nameOf(value))).join(', ');
  return `${results} = ${node.op}(${operands})   ${node.outputs.map(showType).join(', ')}`;
}

const printAttribute = (value: Attribute): string => (typeof value === 'object' ? `[${value.join(', ')}]` : String(value));
