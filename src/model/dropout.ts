import { scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { size, tensor } from '../onnx/types';
import { hash32, stringSeed } from '../shared/random';

/**
 * Drops elements with probability `rate` and scales the rest by 1/(1 − rate) (Srivastava et al., 2014). `site` names the place in the model: each
 * place draws its own mask.
 */
export type Dropout = (x: Value, rate: number, site: string) => Value;

export const noDropout: Dropout = (x) => x;

/**
 * Dropout whose masks are a pure function of (key, site, position), computed in the graph: nothing random is fed or stored, and a resumed run
 * draws what an uninterrupted one would have drawn. ONNX's own Dropout keeps hidden generator state and cannot do that.
 *
 * A tensor is seen as rows × columns. Each row gets a random 32-bit number by a full-strength hash of the key (few of them, so cheap), each column
 * a random odd constant; an element is kept when their product mod 2³² reaches rate · 2³². Multiplying by a random number is a universal hash
 * (Dietzfelbinger et al., 1997): uniform for each element, pairwise independent up to 2⁻³² effects, at one multiplication an element.
 *
 * @param key uint32 scalar that changes every step
 */
export function counterDropout(key: Value): Dropout {
  return (x, rate, site) => {
    if (rate === 0) return x;
    return scope('dropout', () => {
      const columns = x.shape.at(-1) ?? 1;
      const rows = size(x.shape) / columns;
      const random = ops.mul(ops.reshape(rowNumbers(key, rows, stringSeed(site)), [rows, 1]), ops.constant(columnNumbers(columns)));
      const kept = ops.cast(ops.greaterOrEqual(random, Math.round(rate * 2 ** 32)), x.dtype);
      // The scale stays outside the mask, where matrix products absorb it on either side.
      return ops.mul(ops.mul(x, ops.reshape(kept, x.shape)), 1 / (1 - rate));
    });
  };
}

const columnNumbers = (count: number): ReturnType<typeof tensor> =>
  tensor(
    'uint32',
    [1, count],
    Array.from({ length: count }, (_, i) => (hash32(0x636f6c73, i) | 1) >>> 0),
  );

/**
 * One well-mixed uint32 a row: rounds of multiply and add-shift over a counter, after MurmurHash3's finaliser. The shift is a division, since
 * BitShift and BitwiseXor have no CUDA kernel.
 */
function rowNumbers(key: Value, count: number, site: number): Value {
  const counters = tensor(
    'uint32',
    [count],
    Array.from({ length: count }, (_, i) => hash32(site, i)),
  );
  const fold = (x: Value, bits: number): Value => ops.add(x, ops.div(x, 2 ** bits));
  let x = ops.add(ops.constant(counters), ops.mul(key, 0x9e3779b1));
  for (const [factor, bits] of [
    [0x85ebca6b, 16],
    [0xc2b2ae35, 13],
    [0x27d4eb2f, 15],
  ] as const) {
    x = ops.mul(fold(x, bits), factor);
  }
  return fold(x, 16);
}
