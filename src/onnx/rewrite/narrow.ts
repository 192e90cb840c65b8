import { Node, type Value } from '../graph';
import * as ops from '../ops';
import type { Rule } from './rewrite';

/** What whole numbers go through: WebGPU's kernels take 32 bits, and 64 at most as indices. */
const NARROWED: ReadonlySet<string> = new Set([
  'Add',
  'Sub',
  'Mul',
  'Equal',
  'Less',
  'Where',
  'Reshape',
  'Transpose',
  'Expand',
  'Concat',
  'Gather',
  'ScatterElements',
]);

/** int64 as int32, for WebGPU, which has 64 bits for indices only. No number here goes beyond 2³¹: they are tokens and places of tensors that fit a GPU. */
export const narrow: Rule = ({ op, inputs, attributes }) => {
  if (!NARROWED.has(op) || !inputs.some(({ dtype }) => dtype === 'int64')) return undefined;
  const outputs = ops.apply(
    op,
    inputs.map((value) => (value.dtype === 'int64' ? in32Bits(value) : value)),
    attributes as never,
  );
  return outputs.map((value) => (value.dtype === 'int32' ? ops.cast(value, 'int64') : value));
};

/** The numbers in 32 bits; what was 32 bits wide before is taken from there. */
function in32Bits(value: Value): Value {
  const { source } = value;
  const [x] = source instanceof Node && source.op === 'Cast' ? source.inputs : [];
  return x?.dtype === 'int32' ? x : ops.cast(value, 'int32');
}
