import { Constant, type Input, inputsOf, topologicalOrder, type Attribute, type Node, type Outputs, type Value } from './graph';
import { constantOf } from './ops';
import { lastTwoSwapped, showType, type Tensor } from './types';

/**
 * The graph as a person would write it: arithmetic in infix, transposed operands as `.T`, one value a line with its type, grouped by the part of the
 * model that built it. For reading, not for parsing.
 *
 * ```
 * x: float32[512, 128]
 *
 * # encoder/layer.0/attention
 * gemm1: float32[512, 128] = x @ query.weight.T + query.bias
 * ```
 */
export function print(outputs: Outputs): string {
  const nodes = topologicalOrder(outputs.values());
  const names = nameForReading(nodes, outputs);
  const show: Show = (value) => {
    const number = soleNumber(value);
    return number === undefined ? names.get(value)! : showNumber(number);
  };
  const constants = [...names].flatMap(([{ source }, name]) =>
    source instanceof Constant ? [`${name}: ${showType(source.tensor)} = ${excerpt(source.tensor)}`] : [],
  );
  const lines = [...inputsOf(outputs.values()).map((value) => `${show(value)}: ${showType(value)}`), ...constants];
  const used = new Set([...nodes.flatMap(({ inputs }) => inputs), ...outputs.values()]);
  let scope: string | undefined;
  for (const node of nodes) {
    if (node.scope !== scope) lines.push('', `# ${node.scope || 'top'}`);
    scope = node.scope;
    const results =
      node.outputs.length === 1 ? node.outputs : node.outputs.slice(0, node.outputs.findLastIndex((value) => used.has(value)) + 1);
    lines.push(
      `${results.map((value) => (used.has(value) ? `${show(value)}: ${showType(value)}` : '_')).join(', ')} = ${expression(node, show)}`,
    );
  }
  const returned = [...outputs].map(([name, value]) => (show(value) === name ? name : `${name} = ${show(value)}`));
  return [...lines, '', 'return', ...returned.map((line) => `  ${line}`), ''].join('\n');
}

type Show = (value: Value) => string;

/** What a constant of one element holds, which is shown where it is used. */
const soleNumber = (value: Value): number | bigint | undefined => {
  const data = constantOf(value)?.data;
  return data?.length === 1 ? data[0] : undefined;
};

/** Inputs and outputs as they are called; the rest short, after the operator: `softmax3`. */
function nameForReading(nodes: readonly Node[], outputs: Outputs): Map<Value, string> {
  const names = new Map<Value, string>();
  const taken = new Set<string>(outputs.keys());
  const counts = new Map<string, number>();
  const unique = (stem: string): string => {
    for (;;) {
      const count = (counts.get(stem) ?? 0) + 1;
      counts.set(stem, count);
      const name = `${stem}${count}`;
      if (!taken.has(name)) return name;
    }
  };
  for (const value of inputsOf(outputs.values())) {
    names.set(value, (value.source as Input).name);
    taken.add((value.source as Input).name);
  }
  for (const [name, value] of outputs) if (!names.has(value) && soleNumber(value) === undefined) names.set(value, name);
  for (const { op, inputs, outputs: results } of nodes) {
    for (const value of inputs)
      if (value.source instanceof Constant && soleNumber(value) === undefined && !names.has(value)) names.set(value, unique('constant'));
    for (const value of results) if (!names.has(value)) names.set(value, unique(op.charAt(0).toLowerCase() + op.slice(1)));
  }
  return names;
}

const INFIX: Partial<Record<Node['op'], string>> = {
  Add: '+',
  Sub: '-',
  Mul: '*',
  Div: '/',
  Pow: '**',
  Mod: '%',
  MatMul: '@',
  Equal: '==',
  Less: '<',
  LessOrEqual: '<=',
  Greater: '>',
  GreaterOrEqual: '>=',
  And: 'and',
  Or: 'or',
};

function expression(node: Node, show: Show): string {
  const operands = node.inputs.map(show);
  const { op, attributes } = node;
  const infix = INFIX[op];
  if (infix) return operands.join(` ${infix} `);
  if (op === 'Gemm' || op === 'FusedMatMul') return product(node, operands);
  if (op === 'Transpose' && node.inputs[0]!.rank > 1 && String(attributes.perm) === String(lastTwoSwapped(node.inputs[0]!.rank)))
    return `${operands[0]}.T`;
  const options = Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${showAttribute(value)}`]));
  return `${op}(${[...operands, ...options].join(', ')})`;
}

function product({ attributes }: Node, [a, b, c]: readonly string[]): string {
  const { alpha = 1, beta = 1, transA, transB, transBatchA, transBatchB } = attributes as Record<string, number | undefined>;
  const operand = (name: string, trans: number | undefined, batch: number | undefined): string =>
    `${name}${batch ? '.rowsFirst' : ''}${trans ? '.T' : ''}`;
  const scaled = (factor: number, text: string): string => (factor === 1 ? text : `${showNumber(factor)} * ${text}`);
  const matrices = `${operand(a!, transA, transBatchA)} @ ${operand(b!, transB, transBatchB)}`;
  return `${scaled(alpha, matrices)}${c === undefined ? '' : ` + ${scaled(beta, c)}`}`;
}

const showAttribute = (value: Attribute): string =>
  typeof value === 'object' ? `[${value.join(', ')}]` : typeof value === 'number' ? showNumber(value) : value;

/** The shortest decimal that is the same number in single precision. */
function showNumber(value: number | bigint): string {
  if (typeof value === 'bigint' || Number.isInteger(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return String(short);
  }
  return String(value);
}

const SHOWN = 6;

function excerpt({ data }: Tensor): string {
  const first = Array.from(data.subarray(0, SHOWN) as ArrayLike<number | bigint>, showNumber);
  return `[${[...first, ...(data.length > SHOWN ? ['…'] : [])].join(', ')}]`;
}
