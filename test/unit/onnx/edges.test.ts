import { describe, expect, it } from 'vitest';
import { grad } from '../../../src/onnx/grad';
import type { Value } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import { size, type Shape } from '../../../src/onnx/types';
import { weighted } from '../support/differences';
import { evaluate, fed, type Fed } from '../support/evaluate';
import { Random } from '../support/random';

const random = new Random(11);
const values = (...shape: number[]): Fed => fed('float32', shape, random.numbers(size(shape), -1, 1));
const numbers = (shape: Shape, ...data: number[]): Fed => fed('int64', shape, data);

/** Graphs over tensors without elements, over scalars, and over what nothing reads. */
const cases: Record<string, [feeds: Fed[], build: (...inputs: Value[]) => Value | readonly Value[]]> = {
  'no rows plus a row': [[values(0, 3), values(3)], (a, b) => ops.add(a, b)],
  'no rows times a column of none': [[values(0, 3), values(0, 1)], (a, b) => ops.mul(a, b)],
  scalars: [[values(), values()], (a, b) => ops.div(ops.mul(a, b), ops.add(ops.mul(b, b), 1))],
  'a scalar and a matrix': [[values(), values(2, 3)], (a, b) => ops.pow(ops.add(ops.abs(b), 1), ops.tanh(a))],
  'a product over nothing': [[values(2, 0), values(0, 3)], (a, b) => ops.matMul(a, b)],
  'a product of no rows': [[values(0, 2), values(2, 3)], (a, b) => ops.gemm(a, b)],
  'an empty batch of products': [[values(0, 2, 4), values(0, 4, 3)], (a, b) => ops.matMul(a, b)],
  'the sum of nothing': [[values(2, 0)], (a) => ops.reduceSum(a, { axes: [1] })],
  'the sum over an axis beside an empty one': [[values(2, 0)], (a) => ops.reduceSum(a, { axes: [0] })],
  'the sum of squares of a scalar': [[values()], (a) => ops.reduceSumSquare(a)],
  'softmax of no rows': [[values(0, 4)], (a) => ops.softmax(a, -1)],
  'LayerNorm of no rows': [[values(0, 4), values(4), values(4)], (a, b, c) => ops.layerNormalization(a, b, c, 1e-5)],
  'GELU of nothing': [[values(0)], (a) => ops.gelu(a)],
  'cross-entropy of no rows': [[values(0, 4), numbers([0])], (a, b) => ops.crossEntropy(a, b)],
  'joining something and nothing': [[values(2, 3), values(0, 3)], (a, b) => ops.concat([a, b, a], 0)],
  'a part without elements': [[values(3, 2)], (a) => ops.split(a, [0, 3], 0)],
  'one of several parts': [[values(4, 2)], (a) => ops.split(a, [1, 2, 1], 0)[1]!],
  'an empty slice': [[values(3, 2)], (a) => ops.slice(a, [2], [1])],
  'padding around nothing': [[values(0, 2)], (a) => ops.pad(a, [1, 0, 0, 1], 0.5)],
  'another shape of nothing': [[values(0, 3)], (a) => ops.reshape(a, [3, 0])],
  'turning nothing': [[values(0, 3)], (a) => ops.transpose(a, [1, 0])],
  'looking nothing up': [[values(3, 2), numbers([0])], (a, b) => ops.gather(a, b)],
  'looking up with one number': [[values(3, 2), numbers([], 2)], (a, b) => ops.gather(a, b)],
  'choosing among nothing': [[fed('bool', [0, 1], []), values(0, 3), values(3)], (condition, a, b) => ops.where(condition, a, b)],
  'stretching nothing': [[values(0, 1)], (a) => ops.expand(a, [2, 0, 3])],
  'stretching something to nothing': [[values(1, 3)], (a) => ops.expand(a, [0, 3])],
  'dropping an axis of nothing': [[values(0, 1, 2)], (a) => ops.squeeze(a, [1])],
  'adding an axis to nothing': [[values(0, 2)], (a) => ops.unsqueeze(a, [0, -1])],
  'log-softmax of no rows': [[values(0, 4)], (a) => ops.logSoftmax(a, -1)],
  'the mean of no rows': [[values(0, 4)], (a) => ops.reduceMean(a, { axes: [1] })],
  'the length of nothing': [[values(2, 0)], (a) => ops.reduceL2(a, { axes: [1] })],
  'the lengths of no rows': [[values(0, 4)], (a) => ops.reduceL2(a, { axes: [-1], keepdims: 1 })],
  'the log of the summed exponentials of no rows': [[values(0, 4)], (a) => ops.reduceLogSumExp(a, { axes: [1] })],
  'running sums of nothing': [[values(0, 3), values(2, 0)], (a, b) => [ops.cumSum(a, 0), ops.cumSum(b, 1, { reverse: 1 })]],
  'looking up no elements': [[values(3, 2), numbers([0, 2])], (a, b) => ops.gatherElements(a, b, 0)],
  'looking up no tuples': [[values(3, 2), numbers([0, 1])], (a, b) => ops.gatherND(a, b)],
  'adding no rows': [[values(3, 2), numbers([0, 1]), values(0, 2)], (a, b, c) => ops.scatterND(a, b, c, 'add')],
  'replacing no rows': [[values(3, 2), numbers([0, 1]), values(0, 2)], (a, b, c) => ops.scatterND(a, b, c, 'none')],
  'adding rows of nothing': [[values(3, 0), numbers([2, 1], 0, 2), values(2, 0)], (a, b, c) => ops.scatterND(a, b, c, 'add')],
  'adding no elements': [[values(3, 2), numbers([0, 2]), values(0, 2)], (a, b, c) => ops.scatterElements(a, b, c, 0, 'add')],
  'replacing no elements': [[values(3, 2), numbers([0, 2]), values(0, 2)], (a, b, c) => ops.scatterElements(a, b, c, 0, 'none')],
  'a value used twice in one operator': [[values(2, 2)], (a) => ops.matMul(a, a)],
  'a value that nothing reads': [[values(2), values(5)], (a) => ops.exp(a)],
};

describe('tensors without elements, scalars, and values that are used twice or not at all', () => {
  for (const [name, [feeds, build]] of Object.entries(cases)) {
    it(name, async () => {
      const built = build(...feeds.map(({ value }) => value));
      const results = Array.isArray(built) ? (built as readonly Value[]) : [built as Value];
      const { loss, weights } = weighted(new Random(12), results);
      const floats = feeds.filter(({ value }) => value.dtype === 'float32');
      const gradients = grad(
        loss,
        floats.map(({ value }) => value),
      );
      gradients.forEach((g, i) => expect(g.shape).toEqual(floats[i]!.value.shape));
      const outputs = new Map<string, Value>([['loss', loss], ...gradients.map((g, i): [string, Value] => [`g${i}`, g])]);
      const all = [...feeds, ...weights];
      const reference = await evaluate(outputs, all, { optimisation: 'disabled' });
      for (const [output, elements] of reference) {
        expect(elements).toHaveLength(size(outputs.get(output)!.shape));
        expect(elements.every(Number.isFinite), output).toBe(true);
      }
      for (const options of [{ optimisation: 'all' }, { target: 'cpu' }, { target: 'multicore', threads: 2 }] as const) {
        const others = await evaluate(outputs, all, options);
        for (const [output, elements] of reference)
          elements.forEach((value, i) => expect(others.get(output)![i], JSON.stringify(options)).toBeCloseTo(value, 5));
      }
    });
  }
});
