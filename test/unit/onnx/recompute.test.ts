import { describe, expect, it } from 'vitest';
import { grad } from '../../../src/onnx/grad';
import { input, segment, type Outputs, type Value } from '../../../src/onnx/graph';
import { peakOf } from '../../../src/onnx/memory';
import * as ops from '../../../src/onnx/ops';
import { optimise } from '../../../src/onnx/optimise';
import { serialise } from '../../../src/onnx/serialise';
import { filled, tensor, type Tensor } from '../../../src/onnx/types';
import { Session } from '../../../src/train/device';
import { Random } from '../support/random';

const [ROWS, WIDTH, LAYERS] = [64, 16, 6];
const weights = Array.from({ length: LAYERS }, (_, i) => input(`w${i}`, 'float32', [WIDTH, WIDTH]));
const x = input('x', 'float32', [ROWS, WIDTH]);
const key = input('key', 'uint32', []);

/** A layer with a random mask, as dropout draws one. */
function layer(before: Value, weight: Value): Value {
  const bits = ops.mul(ops.constant(tensor('uint32', [ROWS, 1], new Random(3).numbers(ROWS, 1, 1e9))), ops.mul(key, 2654435761));
  const kept = ops.cast(ops.greater(ops.expand(bits, [ROWS, WIDTH]), 2 ** 31), 'float32');
  return ops.add(ops.mul(ops.tanh(ops.softmax(ops.matMul(before, weight), -1)), kept), before);
}

function gradients(recompute: boolean, build: (before: Value, weight: Value) => Value = layer): Outputs {
  const last = weights.reduce((before, weight) => segment(() => build(before, weight)), x);
  const parts = grad(ops.reduceSum(ops.mul(last, last)), [...weights, x], recompute);
  return optimise(new Map(parts.map((part, i) => [`g${i}`, part])), 'cpu');
}

const bitsOf = (results: ReadonlyMap<string, Tensor>): number[][] =>
  [...results.values()].map(({ data }) => [...new Uint32Array(data.buffer, data.byteOffset, data.length)]);

async function run(outputs: Outputs, values: readonly number[]): Promise<number[][]> {
  const session = await Session.create(serialise(outputs));
  const random = new Random(5);
  const feeds = new Map<string, Tensor>([
    ...weights.map((_, i): [string, Tensor] => [`w${i}`, tensor('float32', [WIDTH, WIDTH], random.numbers(WIDTH * WIDTH, -1, 1))]),
    ['x', tensor('float32', [ROWS, WIDTH], values)],
    ['key', filled('uint32', [], 12345)],
  ]);
  const bits = bitsOf(await session.run(feeds));
  await session.release();
  return bits;
}

const ordinary = new Random(8).numbers(ROWS * WIDTH, -1, 1);

describe('recomputation', () => {
  it.each<[string, number[]]>([
    ['ordinary numbers', ordinary],
    ['zeros of both signs', ordinary.map((value, i) => (i % 3 === 0 ? 0 : i % 3 === 1 ? -0 : value))],
    ['infinities and NaN', ordinary.map((value, i) => (i % 97 === 0 ? Infinity : i % 89 === 0 ? NaN : value))],
  ])('changes no bit of a gradient: %s', async (_, values) => {
    const kept = await run(gradients(false), values);
    expect(kept.flat().some((bits) => bits !== 0)).toBe(true);
    expect(await run(gradients(true), values)).toEqual(kept);
  });

  it('keeps what is between segments alone', () => {
    const [kept, again] = [gradients(false), gradients(true)].map((outputs) => peakOf(outputs).bytes);
    expect(again!).toBeLessThan(0.65 * kept!);
  });

  it('is of no use without segments, and does no harm', () => {
    const build = (recompute: boolean): number => {
      const last = weights.reduce(layer, x);
      const parts = grad(ops.reduceSum(last), weights, recompute);
      return peakOf(optimise(new Map(parts.map((part, i) => [`g${i}`, part])))).bytes;
    };
    expect(build(true)).toBe(build(false));
  });
});
