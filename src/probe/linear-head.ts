import { linearParameters } from '../model/parameters';
import { linear } from '../model/attention';
import { input } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { optimise } from '../onnx/optimise';
import { serialise } from '../onnx/serialise';
import { tensor, type Tensor } from '../onnx/types';
import { parameterInputs, lookUp } from '../model/parameters';
import { Session } from '../train/device';
import { THREADS, tune } from './tuning';

/** Examples as rows of numbers, all of one length, and the class of each. */
export interface Examples {
  readonly rows: readonly Float32Array[];
  readonly labels: readonly number[];
}

/** Inverse strengths of the L2 penalty that are tried, in scikit-learn's sense of C, the strongest first: of equals the first is taken. */
export const STRENGTHS = [0.001, 0.01, 0.1, 1];

const HEAD = 'linear';
/** Full passes over the examples, by which the loss has settled. */
const STEPS = 400;
const LEARNING_RATE = 0.05;

/** Multinomial logistic regression on standardised features. */
export interface LinearHead {
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly classes: number;
  /** What is minimised, at its end: the mean cross-entropy in nats and the penalty. */
  readonly strength: number;
}

/**
 * Fits by full-batch gradient descent: the mean cross-entropy plus ‖W‖² / (2·C·N), as scikit-learn's `LogisticRegression` minimises it.
 *
 * @param strength C
 */
export async function fitLinear(
  { rows, labels }: Examples,
  classes: number,
  strength: number,
  threads?: number,
  signal?: AbortSignal,
): Promise<LinearHead> {
  const size = rows[0]!.length;
  const count = rows.length;
  const { mean, deviation } = moments(rows);
  const features = standardised(rows, mean, deviation);
  const feeds = new Map([
    ['features', features],
    ['labels', tensor('int64', [count], labels)],
  ]);
  const parameters = await tune({
    config: { hiddenSize: size },
    specs: linearParameters(HEAD, size, classes).map((spec) => ({ ...spec, start: 0 })),
    from: new Map(),
    loss: (given) => {
      const logits = linear(input('features', 'float32', [count, size]), given, HEAD);
      const entropy = ops.reduceMean(ops.crossEntropy(logits, input('labels', 'int64', [count])));
      return ops.add(entropy, ops.mul(ops.reduceSumSquare(given(`${HEAD}.weight`)), 1 / (2 * strength * count)));
    },
    feeds: () => feeds,
    steps: STEPS,
    learningRate: LEARNING_RATE,
    warmup: 0,
    // The penalty is part of the loss.
    weightDecay: 0,
    seed: 0,
    threads,
    signal,
  });
  return { mean, deviation, parameters, classes, strength };
}

/** Logits [N, classes], row-major. */
export async function linearLogits(
  { mean, deviation, parameters, classes }: LinearHead,
  rows: readonly Float32Array[],
): Promise<Float32Array> {
  const size = mean.length;
  const given = lookUp(parameterInputs(linearParameters(HEAD, size, classes)));
  const graph = new Map([['logits', linear(input('features', 'float32', [rows.length, size]), given, HEAD)]]);
  const session = await Session.create(serialise(optimise(graph, 'cpu')), { threads: THREADS });
  try {
    const outputs = await session.run(new Map([...parameters, ['features', standardised(rows, mean, deviation)]]));
    return outputs.get('logits')!.data as Float32Array;
  } finally {
    await session.release();
  }
}

/** The likeliest class of each row of logits [N, classes]. */
export function likeliest(logits: Float32Array, classes: number): number[] {
  return Array.from({ length: logits.length / classes }, (_, row) => {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    return own.indexOf(own.reduce((a, b) => Math.max(a, b), -Infinity));
  });
}

/** Mean and standard deviation of each column; 1 for a column that never varies. */
function moments(rows: readonly Float32Array[]): { mean: Float32Array; deviation: Float32Array } {
  const size = rows[0]!.length;
  const [sums, squares] = [new Float64Array(size), new Float64Array(size)];
  for (const row of rows) for (let i = 0; i < size; i++) sums[i]! += row[i]!;
  const mean = Float32Array.from(sums, (sum) => sum / rows.length);
  for (const row of rows) for (let i = 0; i < size; i++) squares[i]! += (row[i]! - mean[i]!) ** 2;
  return { mean, deviation: Float32Array.from(squares, (sum) => Math.sqrt(sum / rows.length) || 1) };
}

function standardised(rows: readonly Float32Array[], mean: Float32Array, deviation: Float32Array): Tensor {
  const size = mean.length;
  const data = new Float32Array(rows.length * size);
  rows.forEach((row, r) => {
    for (let i = 0; i < size; i++) data[r * size + i] = (row[i]! - mean[i]!) / deviation[i]!;
  });
  return { dtype: 'float32', shape: [rows.length, size], data };
}
