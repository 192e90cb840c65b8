import type { Outputs, Value } from '../../../src/onnx/graph';
import { input } from '../../../src/onnx/graph';
import { optimise, type Target } from '../../../src/onnx/optimise';
import { serialise } from '../../../src/onnx/serialise';
import { tensor, type DType, type Shape, type Tensor } from '../../../src/onnx/types';
import { Session, type SessionOptions } from '../../../src/train/device';

export interface Fed {
  readonly value: Value;
  readonly tensor: Tensor;
}

let count = 0;

/** An input together with what it is fed. */
export function fed(dtype: DType, shape: Shape, data: ArrayLike<number>): Fed {
  return { value: input(`input${count++}`, dtype, shape), tensor: tensor(dtype, shape, data) };
}

/** Runs a graph through ONNX Runtime and gives each output's elements as plain numbers. */
export async function evaluate(
  outputs: Outputs,
  feeds: readonly Fed[],
  { target, ...options }: SessionOptions & { target?: Target } = {},
): Promise<Map<string, number[]>> {
  const session = await Session.create(serialise(optimise(outputs, target)), options);
  try {
    const results = await session.run(
      new Map(feeds.map(({ value, tensor: contents }) => [(value.source as { name: string }).name, contents])),
    );
    return new Map([...results].map(([name, { data }]) => [name, Array.from(data as ArrayLike<number | bigint>, Number)]));
  } finally {
    await session.release();
  }
}
