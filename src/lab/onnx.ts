import { grad } from '../onnx/grad';
import { input, inputsOf, scope, Value, type Input, type Outputs } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { optimise } from '../onnx/optimise';
import { print } from '../onnx/print';
import { serialise } from '../onnx/serialise';
import { showType, size, tensor, type Tensor, type Type } from '../onnx/types';
import { UserError } from '../shared/errors';
import { Session } from '../train/device';
import type { Numbers } from './api';

/**
 * The compiler: values with fixed shapes, the operators as functions, gradients as further values of the same graph.
 *
 * ```ts
 * const x = lab.onnx.input('x', 'float32', [3]);
 * const y = lab.onnx.ops.reduceSum(lab.onnx.ops.mul(x, x));
 * const [dx] = lab.onnx.grad(y, [x]);
 * await lab.onnx.run({ y, dx }, { x: [1, 2, 3] }); // y: 14, dx: [2, 4, 6]
 * ```
 */
export const onnx = {
  /** A value that is fed when the graph is run. */
  input,
  /** A tensor from plain numbers. */
  tensor,
  /** The operators: `add`, `matMul`, `softmax`, `crossEntropy` and the rest. */
  ops,
  /** The gradient of a scalar with respect to each of `wrt`. */
  grad,
  /** Names a part of the model, as it is printed. */
  scope,
  /** The graph as a person would write it. @param values the results by name */
  print: (values: Readonly<Record<string, Value>>): string => print(named(values)),
  /** The graph as an ONNX model, for any other program. */
  serialise: (values: Readonly<Record<string, Value>>): Uint8Array => serialise(optimise(named(values))),
  run,
};

function named(values: Readonly<Record<string, Value>>): Outputs {
  const entries = Object.entries(Object(values) as Readonly<Record<string, unknown>>);
  const wrong = entries.find(([, value]) => !(value instanceof Value));
  if (!wrong && entries.length > 0) return new Map(entries as [string, Value][]);
  const problem = wrong ? `"${wrong[0]}" is no value of a graph.` : 'No value was given.';
  throw new UserError(problem, 'Give { name: value }, as lab.onnx.ops make them.', 'graph');
}

/**
 * Runs a graph once on the CPU by ONNX Runtime.
 *
 * @param values the results by name
 * @param feeds a tensor or plain numbers, nested or flat, for each input by its name
 * @returns each result as a tensor
 */
async function run(
  values: Readonly<Record<string, Value>>,
  feeds: Readonly<Record<string, Tensor | Numbers>> = {},
): Promise<Record<string, Tensor>> {
  const graph = named(values);
  const inputs = inputsOf(graph.values()).map(({ source }) => (source as Input).name);
  const unknown = Object.keys(feeds).find((name) => !inputs.includes(name));
  if (unknown !== undefined)
    throw new UserError(
      `There is no input "${unknown}".`,
      inputs.length > 0 ? `Feed ${inputs.join(', ')}.` : 'The graph has none.',
      'graph',
    );
  const outputs = optimise(graph);
  const types = new Map(inputsOf(outputs.values()).map((value) => [(value.source as Input).name, value]));
  const session = await Session.create(serialise(outputs));
  try {
    const fed = [...types].map(([name, { dtype, shape }]): [string, Tensor] => {
      const given = feeds[name];
      if (given === undefined || (given as unknown) === null)
        throw new UserError(`The input "${name}" was not fed.`, `Feed ${[...types.keys()].join(', ')}.`, 'graph');
      return [name, tensorOf(name, { dtype, shape }, given)];
    });
    return Object.fromEntries(await session.run(new Map(fed)));
  } finally {
    await session.release();
  }
}

const isTensor = (given: Tensor | Numbers): given is Tensor => typeof given === 'object' && 'dtype' in given;

function tensorOf(name: string, type: Type, given: Tensor | Numbers): Tensor {
  const { dtype, shape } = type;
  if (isTensor(given)) {
    if (showType(given) === showType(type)) return given;
    throw new UserError(`The input "${name}" is ${showType(type)} and was fed ${showType(given)}.`, undefined, 'graph');
  }
  const flat =
    typeof given === 'number'
      ? [given]
      : Array.from(given as readonly unknown[])
          .flat(Infinity)
          .map(Number);
  // In a list it stands for a text or an object; a typed array holds what a computation gave.
  if (Array.isArray(given) && flat.some(Number.isNaN))
    throw new UserError(`The input "${name}" was fed what is no number.`, undefined, 'graph');
  if (flat.length === size(shape)) return tensor(dtype, shape, flat);
  throw new UserError(
    `The input "${name}" has the shape [${shape.join(', ')}] and was fed ${flat.length} numbers.`,
    `It takes ${size(shape)}.`,
    'graph',
  );
}
