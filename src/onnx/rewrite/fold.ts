import type { Node, Value } from '../graph';
import type { Rule } from './rewrite';
import { constant, constantOf } from '../ops';
import { allocate, isFloat, size, type Shape, type Tensor } from '../types';

/** Above this many elements a constant is cheaper to compute at run time than to store in the file. */
const LARGEST = 4096;

/** Computes what depends on nothing but small constants. */
export const fold: Rule = (node) => {
  const value = folded(node);
  return value && [value];
};

function folded(node: Node): Value | undefined {
  const [output] = node.outputs;
  const tensors = node.inputs.map(constantOf);
  if (!output || size(output.shape) > LARGEST || !tensors.every((tensor) => tensor !== undefined)) return undefined;
  const [first] = tensors;
  switch (node.op) {
    case 'Reshape':
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Identity':
      return first && constant({ ...first, shape: output.shape });
    case 'Expand':
      // Kept as an operator: an expanded scalar is a few bytes of file whatever its shape.
      return undefined;
    default:
      return node.operator.evaluate && isFloat(output.dtype) ? constant(elementwise(node.operator.evaluate, tensors, output)) : undefined;
  }
}

function elementwise(evaluate: (...values: number[]) => number, operands: readonly Tensor[], { dtype, shape }: Value): Tensor {
  const data = allocate(dtype, size(shape));
  for (let i = 0; i < data.length; i++)
    data[i] = evaluate(...operands.map((operand) => Number(operand.data[offset(i, shape, operand.shape)])));
  return { dtype, shape, data };
}

/** Where element `index` of a broadcast result comes from in an operand of the given shape. */
function offset(index: number, shape: Shape, operand: Shape): number {
  let place = 0;
  let stride = 1;
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis]!;
    const own = operand[axis - shape.length + operand.length] ?? 1;
    if (own > 1) place += (rest % extent) * stride;
    stride *= own;
    rest = Math.floor(rest / extent);
  }
  return place;
}
