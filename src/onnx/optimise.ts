import type { Precision } from '../shared/types';
import type { Outputs } from './graph';
import { absorb } from './rewrite/absorb';
import { arrangeForCpu, scatterSafely, standardProduct } from './rewrite/arrange';
import { productsInBfloat16 } from './rewrite/bfloat16';
import { fold } from './rewrite/fold';
import { narrow } from './rewrite/narrow';
import { rewrite, type Rule } from './rewrite/rewrite';
import { simplify } from './rewrite/simplify';

/**
 * Where a graph will run: `anywhere` keeps the operators that people know; `cpu` and `multicore` write them as ONNX Runtime's CPU kernels are
 * fastest, with one thread and with several; `webgpu` keeps to what its provider has.
 */
export type Target = 'anywhere' | 'cpu' | 'multicore' | 'webgpu';

const onCpu = (target: Target): boolean => target === 'cpu' || target === 'multicore';

/** A rewrite can expose another (a lowered operator folds, a folded operand simplifies); training steps reach their fixed point in four rounds. */
const MOST_ROUNDS = 10;

/**
 * Rewrites a graph into an equivalent, cheaper one: lowers what is no ONNX operator, folds constants, applies identities, lets matrix products
 * absorb what they do for nothing, and shares equal subexpressions. With bf16 the products become cheaper still and are no longer the same, see
 * {@link productsInBfloat16}; TF32 is a matter of the device alone.
 */
export function optimise(outputs: Outputs, target: Target = 'anywhere', precision: Precision = 'fp32'): Outputs {
  const rules = [fold, simplify, absorb, lowerFor(target)];
  let current = outputs;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { outputs: next, changed } = rewrite(current, rules);
    current = next;
    if (!changed) break;
  }
  if (precision === 'bf16') current = rewrite(current, [productsInBfloat16(onCpu(target))]).outputs;
  const last = [...(onCpu(target) ? [arrangeForCpu] : []), ...(target === 'cpu' ? [] : [scatterSafely])];
  current = rewrite(current, last).outputs;
  // What has been written last is written in 32 bits as well.
  return target === 'webgpu' ? rewrite(current, [fold, standardProduct, narrow]).outputs : current;
}

const lowerFor =
  (target: Target): Rule =>
  ({ operator: { lower, lowered }, inputs, attributes }) =>
    lower && (lowered === 'everywhere' || onCpu(target)) ? lower(inputs, attributes as never) : undefined;
