import { describe, expect, it } from 'vitest';
import { input, type Outputs, type Value } from '../../../src/onnx/graph';
import { bytesOf, peakOf } from '../../../src/onnx/memory';
import * as ops from '../../../src/onnx/ops';

const x = input('x', 'float32', [8, 100]);
const ROW = 3200;
const peak = (...outputs: Value[]): number => peakOf(new Map(outputs.map((value, i) => [`y${i}`, value]))).bytes;
const square = (value: Value): Value => ops.gemm(value, value, undefined, { transA: 1 });

describe('the memory of a graph', () => {
  it('counts what is between inputs and outputs alone', () => {
    expect(peak(ops.exp(x))).toBe(0);
    expect(peak(ops.softmax(ops.softmax(x, -1), -1))).toBe(ROW);
  });

  it('is free again after the last that reads it', () => {
    // Of a chain two links are there at a time, however long it is.
    const chain = (length: number): Value => Array.from({ length }).reduce<Value>((value) => ops.softmax(value, -1), x);
    expect(peak(chain(3))).toBe(2 * ROW);
    expect(peak(chain(30))).toBe(2 * ROW);
  });

  it('is kept for a later reader', () => {
    const early = ops.softmax(x, -1);
    const late = ops.softmax(ops.softmax(ops.softmax(early, -1), -1), -1);
    expect(peak(ops.matMul(late, ops.transpose(early, [1, 0])))).toBe(3 * ROW);
  });

  it('is written over by elementwise operators, and shared by other shapes of the same', () => {
    const early = ops.softmax(x, -1);
    expect(peak(ops.softmax(ops.exp(ops.sqrt(ops.reshape(early, [800]))), -1))).toBe(ROW);
    // Where it is needed again it is not written over.
    expect(peak(square(ops.add(ops.exp(early), early)))).toBe(2 * ROW);
  });

  it('names what is there at the peak', () => {
    const wide = square(x);
    const outputs: Outputs = new Map([['y', ops.reduceSum(ops.softmax(wide, -1))]]);
    const { bytes, live } = peakOf(outputs);
    expect(live.map(({ shape }) => shape)).toEqual([wide.shape, wide.shape]);
    expect(bytes).toBe(2 * bytesOf(wide));
    expect(bytesOf({ dtype: 'int64', shape: [3] })).toBe(24);
  });
});
