import { expect } from 'vitest';
import { grad } from '../../../src/onnx/grad';
import type { Value } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import { optimise, type Target } from '../../../src/onnx/optimise';
import { serialise } from '../../../src/onnx/serialise';
import { isFloat, size, type DType, type Shape, type Tensor } from '../../../src/onnx/types';
import { Session, type SessionOptions } from '../../../src/train/device';
import { fed, type Fed } from './evaluate';
import type { Random } from './random';

/** An input with elements in [low, high). */
export const some = (random: Random, dtype: DType, shape: Shape, low = -2, high = 2): Fed =>
  fed(dtype, shape, random.numbers(size(shape), low, high));

export const indices = (random: Random, shape: Shape, below: number): Fed =>
  fed(
    'int64',
    shape,
    Array.from({ length: size(shape) }, () => random.integer(0, below - 1)),
  );

export const nameOf = ({ value }: Fed): string => (value.source as { name: string }).name;

/** A scalar that depends on every element of every output: a random weighting of them, with the weights that are fed to it. */
export function weighted(random: Random, outputs: readonly Value[]): { loss: Value; weights: Fed[] } {
  const weights = outputs.map(({ dtype, shape }) => some(random, dtype, shape));
  return { loss: outputs.map((y, i) => ops.reduceSum(ops.mul(y, weights[i]!.value))).reduce(ops.add), weights };
}

/** Single precision needs wider steps and looser bounds. */
const accuracy = { float64: { step: 1e-5, tolerance: 1e-6 }, float32: { step: 2e-2, tolerance: 2e-3 } };

export type Precision = keyof typeof accuracy;

export interface Comparison {
  readonly kinks?: boolean;
  readonly label?: string;
  readonly target?: Target | undefined;
  readonly tolerance?: number | undefined;
}

/**
 * Compares every element of the gradient of a scalar, with respect to every floating-point one of `feeds`, with central finite differences.
 *
 * @param others what is fed besides, and not differentiated
 * @param label begins the message of a failure
 * @param target how the graph is written
 * @param kinks whether elements are passed over at which the function has a kink within the step, where differences mean nothing
 * @param tolerance of the difference, relative to gradients above 1
 * @returns how many elements were compared, and how many passed over
 */
export async function compareWithDifferences(
  loss: Value,
  feeds: readonly Fed[],
  others: readonly Fed[],
  dtype: Precision,
  { kinks = false, label = '', target, tolerance = accuracy[dtype].tolerance }: Comparison = {},
): Promise<{ compared: number; passedOver: number }> {
  const differentiable = feeds.filter(({ value }) => isFloat(value.dtype));
  const all = [...feeds, ...others];
  const analytic = await gradients(loss, differentiable, all, { target });
  const forward = await Session.create(serialise(optimise(new Map([['loss', loss]]), target)));
  const contents = new Map(all.map((each) => [nameOf(each), each.tensor]));
  const { step } = accuracy[dtype];
  const count = { compared: 0, passedOver: 0 };
  for (const [i, each] of differentiable.entries()) {
    const lossAt = async (index: number, delta: number): Promise<number> => {
      const moved = each.tensor.data.slice() as Float64Array;
      moved[index]! += delta;
      const results = await forward.run(new Map<string, Tensor>([...contents, [nameOf(each), { ...each.tensor, data: moved }]]));
      return Number(results.get('loss')!.data[0]);
    };
    for (let index = 0; index < each.tensor.data.length; index++) {
      const slope = async (h: number): Promise<number> => ((await lossAt(index, h)) - (await lossAt(index, -h))) / (2 * h);
      const [near, far] = [await slope(step), await slope(2 * step)];
      const exact = analytic[i]![index]!;
      if (kinks && Math.abs(near - far) > tolerance * Math.max(1, Math.abs(exact))) {
        count.passedOver++;
        continue;
      }
      count.compared++;
      // Richardson's extrapolation of two central differences: the error falls with the fourth power of the step.
      const numeric = (4 * near - far) / 3;
      expect(
        Math.abs(numeric - exact),
        `${label}input ${i}, element ${index}: ${exact} by the rule, ${numeric} by differences`,
      ).toBeLessThan(tolerance * Math.max(1, Math.abs(exact)));
    }
  }
  await forward.release();
  return count;
}

/** The gradients of a scalar as plain numbers, one list for each of `wrt`. */
export async function gradients(
  loss: Value,
  wrt: readonly Fed[],
  feeds: readonly Fed[],
  { target, ...options }: SessionOptions & { target?: Target | undefined } = {},
): Promise<number[][]> {
  const parts = grad(
    loss,
    wrt.map(({ value }) => value),
  );
  const outputs = new Map<string, Value>([['loss', loss], ...parts.map((g, i): [string, Value] => [`g${i}`, g])]);
  const session = await Session.create(serialise(optimise(outputs, target)), options);
  const results = await session.run(new Map(feeds.map((each) => [nameOf(each), each.tensor])));
  await session.release();
  return parts.map((_, i) => Array.from(results.get(`g${i}`)!.data as Float64Array));
}
