import type { Outputs } from './graph';
import { absorb } from './rewrite/absorb';
import { arrangeForCpu, scatterSafely } from './rewrite/arrange';
import { fold } from './rewrite/fold';
import { rewrite, type Rule } from './rewrite/rewrite';
import { simplify } from './rewrite/simplify';

/**
 * Where a graph will run: `anywhere` keeps the operators that people know; `cpu` and `multicore` write them as ONNX Runtime's CPU kernels are
 * fastest, with one thread and with several.
 */
export type Target = 'anywhere' | 'cpu' | 'multicore';

/** A rewrite can expose another (a lowered operator folds, a folded operand simplifies); training steps reach their fixed point in four rounds. */
const MOST_ROUNDS = 10;

/**
 * Rewrites a graph into an equivalent, cheaper one: lowers what is no ONNX operator, folds constants, applies identities, lets matrix products
 * absorb what they do for nothing, and shares equal subexpressions.
 */
export function optimise(outputs: Outputs, target: Target = 'anywhere'): Outputs {
  const rules = [fold, simplify, absorb, lowerFor(target)];
  let current = outputs;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { outputs: next, changed } = rewrite(current, rules);
    current = next;
    if (!changed) break;
  }
  const last = [...(target === 'anywhere' ? [] : [arrangeForCpu]), ...(target === 'cpu' ? [] : [scatterSafely])];
  return rewrite(current, last).outputs;
}

const lowerFor =
  (target: Target): Rule =>
  ({ operator: { lower, lowered }, inputs, attributes }) =>
    lower && (lowered === 'everywhere' || target !== 'anywhere') ? lower(inputs, attributes as never) : undefined;
