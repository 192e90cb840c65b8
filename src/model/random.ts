import { scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { size, tensor, type Shape } from '../onnx/types';
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
 * @param key uint32 scalar that changes every step
 */
export function counterDropout(key: Value): Dropout {
  return (x, rate, site) => {
    if (rate === 0) return x;
    return scope('dropout', () => {
      const kept = ops.cast(ops.greaterOrEqual(randomBits(key, x.shape, site), Math.round(rate * 2 ** 32)), x.dtype);
      // The scale stays outside the mask, where matrix products absorb it on either side.
      return ops.mul(ops.mul(x, kept), 1 / (1 - rate));
    });
  };
}

/**
 * Tokens drawn from softmax(logits): logits [M, V] → int64 [M], a pure function of (key, site) and the logits, by the Gumbel-max trick: the largest
 * of logits + noise, the noise −log(−log u) (Gumbel, 1954). No gradient flows through the draw.
 */
export function sampleTokens(key: Value, logits: Value, site: string): Value {
  return scope('sample', () => {
    const uniform = ops.mul(ops.add(ops.cast(randomBits(key, logits.shape, site), 'float32'), 0.5), 2 ** -32);
    // Numbers that round to 1 would be infinitely likely.
    const noise = ops.neg(ops.log(ops.neg(ops.log(ops.min(uniform, 1 - 2 ** -24)))));
    return ops.argMax(ops.add(logits, noise), -1);
  });
}

/**
 * A random uint32 for each element of a shape, seen as rows × columns. Each row gets a 32-bit number by a full-strength hash of the key (few of them,
 * so cheap), each column a random odd constant; an element is their product mod 2³². Multiplying by a random number is a universal hash
 * (Dietzfelbinger et al., 1997): uniform for each element, pairwise independent up to 2⁻³² effects, at one multiplication an element.
 */
function randomBits(key: Value, shape: Shape, site: string): Value {
  const columns = shape.at(-1) ?? 1;
  const rows = size(shape) / columns;
  const bits = ops.mul(ops.reshape(rowNumbers(key, rows, stringSeed(site)), [rows, 1]), ops.constant(columnNumbers(columns)));
  return ops.reshape(bits, shape);
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
