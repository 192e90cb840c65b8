import { describe, expect, it } from 'vitest';
import oracle from '../../oracle/adamw.json';
import { adamW, adamWSchedule, clipFactor, globalNorm, type AdamWInputs, type Slot } from '../../../src/onnx/adamw';
import { input, type Value } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import { optimise } from '../../../src/onnx/optimise';
import { serialise } from '../../../src/onnx/serialise';
import { size, tensor, type Tensor } from '../../../src/onnx/types';
import { Session } from '../../../src/train/device';

type Recorded = Record<string, { shape: number[]; data: number[] }>;

describe('AdamW', () => {
  for (const recorded of oracle.cases) {
    it(`follows PyTorch for ${recorded.steps.length} steps, ${recorded.name}`, async () => {
      const initial = recorded.initial as Recorded;
      const decays = recorded.weightDecay as Record<string, number>;
      const [beta1, beta2] = recorded.betas as [number, number];
      const schedule = Object.fromEntries(
        ['decay', 'stepSize', 'epsilon'].map((name) => [name, input(name, 'float64', [])]),
      ) as unknown as AdamWInputs;
      const names = Object.keys(initial);
      const gradients = names.map((name) => input(`gradient:${name}`, 'float64', initial[name]!.shape));
      const norm = globalNorm(gradients);
      const factor = clipFactor(norm, recorded.clipNorm ?? Infinity);
      const outputs = new Map<string, Value>([['norm', norm]]);
      names.forEach((name, i) => {
        const [parameter, m, v] = ['p', 'm', 'v'].map((kind) => input(`${kind}:${name}`, 'float64', initial[name]!.shape)) as [
          Value,
          Value,
          Value,
        ];
        const next: Slot = adamW(
          { parameter, m, v },
          recorded.clipNorm === null ? gradients[i]! : ops.mul(gradients[i]!, factor),
          decays[name]! > 0,
          schedule,
          {
            beta1,
            beta2,
          },
        );
        outputs.set(`next:p:${name}`, next.parameter).set(`next:m:${name}`, next.m).set(`next:v:${name}`, next.v);
      });
      const session = await Session.create(serialise(optimise(outputs)));
      const state = new Map<string, Tensor>(
        names.flatMap((name): [string, Tensor][] => {
          const { shape, data } = initial[name]!;
          const zeros = new Array<number>(size(shape)).fill(0);
          return [['p', data] as const, ['m', zeros] as const, ['v', zeros] as const].map(([kind, values]) => [
            `${kind}:${name}`,
            tensor('float64', shape, values),
          ]);
        }),
      );
      const weightDecay = Math.max(...Object.values(decays));
      for (const [t, step] of recorded.steps.entries()) {
        const scalars = adamWSchedule(t + 1, step.learningRate, { beta1, beta2, epsilon: recorded.epsilon, weightDecay });
        const feeds = new Map<string, Tensor>([
          ...state,
          ...Object.entries(scalars).map(([name, value]): [string, Tensor] => [name, tensor('float64', [], [value])]),
          ...Object.entries(step.gradients as Recorded).map(([name, { shape, data }]): [string, Tensor] => [
            `gradient:${name}`,
            tensor('float64', shape, data),
          ]),
        ]);
        const results = await session.run(feeds);
        expect(Number(results.get('norm')!.data[0])).toBeCloseTo(step.gradientNorm, 10);
        for (const name of state.keys()) state.set(name, results.get(`next:${name}`)!);
        for (const [name, { data }] of Object.entries(step.values as Recorded)) {
          data.forEach((value, i) => expect(Number(state.get(`p:${name}`)!.data[i]), `step ${t}, ${name}[${i}]`).toBeCloseTo(value, 9));
        }
      }
      await session.release();
    });
  }
});
