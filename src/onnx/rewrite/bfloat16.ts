import { productOf } from '../flops';
import { Node, staysInFloat32, type Value } from '../graph';
import * as ops from '../ops';
import type { Rule } from './rewrite';

/**
 * Mixed precision (Micikevicius et al., 2018, arXiv 1710.03740) in bfloat16 (Kalamkar et al., 2019, arXiv 1905.12322): every product of float32 matrices,
 * forwards and backwards, takes its operands rounded to bfloat16, sums in float32 and gives its result rounded to bfloat16. All else stays in float32:
 * parameters and optimiser, softmax, LayerNorm, losses, sums of gradients, and the term that a Gemm adds. These are the products that PyTorch's autocast
 * chooses, the logits among them, but for those that are part of a loss themselves, see `inFloat32`. Unlike float16, bfloat16 has the exponents of float32, so that no loss needs to be scaled.
 *
 * With `emulated` the numbers are the same and the kernels those of float32, for the CPU, where ONNX Runtime multiplies no bfloat16: what is left of the
 * rounding of a tensor core is the order in which its terms are summed. It is slower than float32.
 *
 * A value that several products take is cast once, however it is transposed: equal casts are shared by the next pass. This is the last pass over products
 * but for those that arrange them, since the others would take a cast between a product and what it absorbs for an operator of its own.
 */
export const productsInBfloat16 = (emulated: boolean): Rule => {
  const rounded = (x: Value): Value => (emulated ? ops.cast(ops.cast(x, 'bfloat16'), 'float32') : ops.cast(x, 'bfloat16'));
  /** A float32 value as the operand of a product. The result of another product is one already; moving elements and rounding them commute. */
  const operand = (x: Value): Value => {
    const { source } = x;
    if (!(source instanceof Node)) return rounded(x);
    const [inner] = source.inputs as [Value];
    if (source.op === 'Reshape' || source.op === 'Transpose') return ops.apply(source.op, [operand(inner)], source.attributes as never)[0]!;
    if (source.op === 'Cast' && inner.dtype === 'bfloat16') return emulated ? x : inner;
    return rounded(x);
  };
  return (node) => {
    const [a, b, c] = node.inputs;
    if (!a || !b || a.dtype !== 'float32' || !productOf(node) || staysInFloat32(node)) return undefined;
    const { beta = 1, ...attributes } = node.attributes as { beta?: number };
    const product = ops.apply(node.op, [operand(a), operand(b)], attributes as never)[0]!;
    const result = ops.cast(emulated ? ops.cast(product, 'bfloat16') : product, 'float32');
    return [c ? ops.add(result, beta === 1 ? c : ops.mul(c, beta)) : result];
  };
};
