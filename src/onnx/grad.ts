import { GraphError, type Node, scope, topologicalOrder, type Value } from './graph';
import * as ops from './ops';
import { ShapeMismatch } from './operators/operator';
import { Recomputation } from './recompute';
import { isFloat } from './types';

/**
 * Reverse-mode differentiation: the gradient of a scalar with respect to each of `wrt`, as new values of the same graph.
 *
 * One walk backwards over the nodes that lie between `wrt` and `loss`; each node's rule turns the gradient of its outputs into contributions to
 * its inputs, and contributions to the same value are summed. A value that the loss does not depend on has gradient zero. As `wrt` may be any
 * value, gradients with respect to activations come the same way; differentiating a gradient again gives second derivatives.
 *
 * @param recompute whether values inside of a {@link segment} are computed again for the way back instead of being kept (Chen et al., 2016, arXiv 1604.06174)
 * @throws GraphError when the loss is not a floating-point scalar, or depends on `wrt` through an output that has no gradient
 */
export function grad(loss: Value, wrt: readonly Value[], recompute = false): Value[] {
  if (loss.rank !== 0 || !isFloat(loss.dtype)) throw new GraphError('grad', [loss], 'only a floating-point scalar can be differentiated');
  const targets = new Set(wrt);
  const gradients = new Map<Value, Value>([[loss, ops.like(loss, 1)]]);
  const accumulate = (value: Value, part: Value): void => {
    const sum = gradients.get(value);
    gradients.set(value, sum ? ops.add(sum, part) : part);
  };
  const again = recompute ? new Recomputation(loss) : undefined;
  for (const node of pathBetween(wrt, loss)) {
    const upstream = node.outputs.map((output) => gradients.get(output));
    if (!node.operator.gradient || upstream.every((g) => g === undefined)) continue;
    const { gradient } = node.operator;
    const parts = scope(`${node.scope ? `${node.scope}/` : ''}grad`, () => {
      try {
        return gradient((again?.copyOf(node, upstream) ?? node) as never, upstream);
      } catch (error) {
        if (error instanceof ShapeMismatch) throw new GraphError(node.op, node.inputs, error.message, node.scope);
        throw error;
      }
    });
    parts.forEach((part, i) => {
      const operand = node.inputs[i];
      if (part && operand && isFloat(operand.dtype)) {
        accumulate(operand, part);
        if (node.segment && targets.has(operand)) again?.wait(part);
      }
    });
  }
  return wrt.map((value) => gradients.get(value) ?? ops.zeros(value));
}

/** The nodes through which `loss` depends on `wrt`, last first. */
function pathBetween(wrt: readonly Value[], loss: Value): Node[] {
  const dependent = new Set<Value>(wrt);
  const path: Node[] = [];
  for (const node of topologicalOrder([loss])) {
    if (!node.inputs.some((value) => dependent.has(value))) continue;
    for (const output of node.outputs) dependent.add(output);
    path.push(node);
  }
  return path.reverse();
}
