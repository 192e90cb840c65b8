import { describe, expect, it } from 'vitest';
import { input, type Value } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import { optimise } from '../../../src/onnx/optimise';
import { serialise } from '../../../src/onnx/serialise';
import { size, tensor } from '../../../src/onnx/types';
import type { ParameterSpec, Parameters } from '../../../src/model/parameters';
import { Session } from '../../../src/train/device';
import { TrainingState } from '../../../src/train/state';
import { createStepper } from '../../../src/train/stepper';
import { gradientName } from '../../../src/train/step';
import { BenchmarkModel } from '../../../src/bench/workload';
import { Random } from '../support/random';

const specs: ParameterSpec[] = [
  { name: 'hidden.weight', shape: [7, 5], start: 'normal', decays: true },
  { name: 'hidden.bias', shape: [7], start: 0, decays: false },
  { name: 'scale', shape: [], start: 1, decays: true },
  { name: 'output.weight', shape: [3, 7], start: 'normal', decays: true },
];
const optimiser = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, gradientClip: 0.5 };

function losses(): { specs: ParameterSpec[]; losses: (parameters: Parameters) => { name: string; weight: number; loss: Value }[] } {
  const [x, labels] = [input('x', 'float32', [4, 5]), input('labels', 'int64', [4])];
  return {
    specs,
    losses: (parameters) => {
      const hidden = ops.tanh(ops.gemm(x, parameters('hidden.weight'), parameters('hidden.bias'), { transB: 1 }));
      const logits = ops.gemm(ops.mul(hidden, parameters('scale')), parameters('output.weight'), undefined, { transB: 1 });
      return [{ name: 'classes', weight: 2, loss: ops.reduceMean(ops.crossEntropy(logits, labels)) }];
    },
  };
}

function stateAtStart(): TrainingState {
  const state = new TrainingState(specs);
  const random = new Random(5);
  for (const { name, shape } of specs) (state.parameters.get(name)!.data as Float32Array).set(random.numbers(size(shape), -1, 1));
  return state;
}

describe('an optimiser step', () => {
  it('updates outside the graph to the same bits as the whole step in one graph', async () => {
    const [outside, inside] = [stateAtStart(), stateAtStart()];
    inside.gradients.clear();
    const [fused, graph] = [await createStepper(losses(), optimiser, outside, {}), await createStepper(losses(), optimiser, inside, {})];
    const random = new Random(6);
    let clipped = 0;
    for (let t = 1; t <= 20; t++) {
      const batch = new Map([
        ['x', tensor('float32', [4, 5], random.numbers(20, -2, 2))],
        ['labels', tensor('int64', [4], [0, 1, 2, t % 3])],
      ]);
      const input = { feeds: batch, t: [t], learningRate: 0.01 / t };
      const [a, b] = [(await fused.steps([input]))[0]!, (await graph.steps([input]))[0]!];
      expect([...a].sort()).toEqual([...b].sort());
      if (a.get('gradientNorm')! > optimiser.gradientClip) clipped++;
      for (const part of ['parameters', 'optimiser'] as const)
        for (const [name, { data }] of outside[part]) expect(data, `${name} after step ${t}`).toEqual(inside[part].get(name)!.data);
    }
    expect(clipped).toBeGreaterThan(0);
    await fused.release();
    await graph.release();
  });

  it('gives the same bits with any number of threads', async () => {
    const trained = async (threads: number): Promise<Float32Array[]> => {
      const model = new BenchmarkModel({ preset: 'tiny', objectives: ['mlm', 'contrastive'], dropout: 0.1 });
      const stepper = await createStepper(model.losses, optimiser, model.state, { threads });
      for (let t = 1; t <= 2; t++) await stepper.steps([{ feeds: model.batch(t), t: [t], learningRate: 0.01 }]);
      await stepper.release();
      return [...model.state.parameters.values()].map(({ data }) => data as Float32Array);
    };
    const single = await trained(1);
    for (const threads of [2, 4]) {
      const several = await trained(threads);
      expect(several.every((data, i) => data.every((value, j) => Object.is(value, single[i]![j])))).toBe(true);
    }
  });

  it('leaves the gradients where the update finds them, and hands out no copies', async () => {
    const state = stateAtStart();
    const x = input('hidden.weight', 'float32', [7, 5]);
    const outputs = new Map([
      [gradientName('hidden.weight'), ops.mul(x, 2)],
      ['sum', ops.reduceSum(x)],
    ]);
    const session = await Session.create(serialise(optimise(outputs), { muted: true }));
    const results = await session.run(state.parameters, state.gradients);
    await session.release();
    const weights = state.parameters.get('hidden.weight')!.data as Float32Array;
    expect([...results.keys()]).toEqual(['sum']);
    expect(Number(results.get('sum')!.data[0])).toBeCloseTo(
      weights.reduce((a, b) => a + b),
      5,
    );
    expect(state.gradients.get(gradientName('hidden.weight'))!.data).toEqual(weights.map((weight) => weight * 2));
  });

  it('reports what goes wrong in a muted run', async () => {
    const table = input('table', 'float32', [3, 2]);
    const session = await Session.create(serialise(new Map([['rows', ops.gather(table, input('ids', 'int64', [1]))]]), { muted: true }));
    const feeds = new Map([
      ['table', tensor('float32', [3, 2], [1, 2, 3, 4, 5, 6])],
      ['ids', tensor('int64', [1], [7])],
    ]);
    await expect(session.run(feeds)).rejects.toThrow('out of data bounds');
    await session.release();
  });
});
