import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { topologicalOrder } from '../../../src/onnx/graph';
import { serialise } from '../../../src/onnx/serialise';
import { objectives as registry } from '../../../src/objectives';
import type { Precision } from '../../../src/shared/types';
import { parametersOf, trainingLosses } from '../../../src/train/compile';
import { Session } from '../../../src/train/device';
import { describePrecision, requirePrecision } from '../../../src/train/precision';
import { compileStep } from '../../../src/train/step';
import { optimiser, measureSteps, SmallTraining, type Objective } from './small-training';

const mlm: Objective = { type: 'mlm', batchSize: 8, sequenceLength: 24 };

const lengthOf = (values: Iterable<number>): number => Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0));

describe('training with products in bfloat16', () => {
  it.each(registry.map(({ type }) => type))('has close to the gradients of float32: %s', async (type) => {
    const [plain, mixed] = await Promise.all(
      (['fp32', 'bf16'] as const).map(
        async (precision) =>
          (await measureSteps(await SmallTraining.start([{ type, batchSize: 4, sequenceLength: 24 }], { device: { precision } })))[0]!,
      ),
    );
    const all = (gradients: ReadonlyMap<string, Float32Array>): number[] => [...gradients.values()].flatMap((data) => [...data]);
    const [expected, actual] = [all(plain!.gradients), all(mixed!.gradients)];
    const error = lengthOf(expected.map((value, i) => actual[i]! - value)) / lengthOf(expected);
    // A rounding is by up to 1/256, and several follow one another. Where a model tells two classes apart and knows neither, the gradients of its rows
    // cancel, and their errors do not. No error at all would be no bfloat16.
    expect(error).toBeLessThan(type === 'nsp' || type === 'sop' ? 0.1 : 0.03);
    expect(error).toBeGreaterThan(1e-5);
  });

  it('keeps to the losses of float32', async () => {
    const STEPS = 150;
    const losses = async (precision: Precision): Promise<number[]> => {
      const training = await SmallTraining.start([mlm], { steps: STEPS, device: { precision } });
      const all: number[] = [];
      for (let step = 0; step < STEPS; step++) all.push((await training.step(step, 0.003)).get('loss:total')!);
      await training.release();
      return all;
    };
    const [plain, mixed] = [await losses('fp32'), await losses('bf16')];
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    for (let start = 0; start < STEPS; start += 50) {
      const [expected, actual] = [mean(plain.slice(start, start + 50)), mean(mixed.slice(start, start + 50))];
      expect(Math.abs(actual - expected) / expected, `from step ${start}`).toBeLessThan(0.01);
    }
    expect(mean(plain.slice(-50))).toBeLessThan(0.96 * plain[0]!);
    expect(mixed).not.toEqual(plain);
  });

  it('casts every parameter at most once a step, and updates it in float32', async () => {
    const training = await SmallTraining.start([mlm]);
    const { config, plan } = training;
    const set = plan.sets[0]!;
    const graph = compileStep({ ...trainingLosses(config, set), ...optimiser }, 'anywhere', 'bf16');
    await training.release();
    const cast = topologicalOrder(graph.values())
      .filter(({ op, attributes }) => op === 'Cast' && attributes.to === 'bfloat16')
      .map(({ inputs }) => inputs[0]);
    expect(new Set(cast).size).toBe(cast.length);
    for (const { name } of parametersOf(config, set)) expect(graph.get(`next:${name}`)!.dtype, name).toBe('float32');
    // To ONNX Runtime it is a right model, of which only the CPU's kernels are missing.
    await expect(Session.create(serialise(graph))).rejects.toThrow(/Could not find an implementation for (Gemm|MatMul|FusedMatMul)/);
  });

  it('is the same with steps in a scan and one by one', async () => {
    const run = async (scan: boolean): Promise<Float32Array> => {
      const training = await SmallTraining.start([mlm], { inGraph: true, device: { precision: 'bf16', scan } });
      await training.steps([0, 1, 2], 0.003);
      await training.release();
      return [...training.state.parameters.values()].at(-1)!.data as Float32Array;
    };
    expect(await run(true)).toEqual(await run(false));
  });
});

describe('a precision and a device', () => {
  it('are refused where the device cannot do it, with the field', () => {
    expect(() => requirePrecision('bf16', 'webgpu')).toThrow('training.precision is "bf16"');
    for (const provider of ['cpu', 'cuda'] as const) expect(() => requirePrecision('bf16', provider)).not.toThrow();
  });

  it('are told to people where the device does something else', () => {
    expect(describePrecision('fp32', 'cpu')).toBeUndefined();
    expect(describePrecision('bf16', 'cpu')).toContain('imitated');
    expect(describePrecision('tf32', 'webgpu')).toContain('fp32');
    expect(describePrecision('tf32', 'cuda')).toBe('tf32');
  });
});

describe('TF32 on CUDA', () => {
  const before = process.env.NVIDIA_TF32_OVERRIDE;
  beforeEach(() => vi.resetModules());
  afterEach(() => {
    if (before === undefined) delete process.env.NVIDIA_TF32_OVERRIDE;
    else process.env.NVIDIA_TF32_OVERRIDE = before;
  });
  const fresh = () => import('../../../src/train/precision');

  it('is off unless it is asked for', async () => {
    delete process.env.NVIDIA_TF32_OVERRIDE;
    (await fresh()).switchTf32('fp32');
    expect(process.env.NVIDIA_TF32_OVERRIDE).toBe('0');
    vi.resetModules();
    (await fresh()).switchTf32('tf32');
    expect(process.env.NVIDIA_TF32_OVERRIDE).toBeUndefined();
  });

  it('cannot be changed in a process that has computed; bfloat16 goes with either', async () => {
    const { keepTf32, switchTf32 } = await fresh();
    switchTf32('fp32');
    // CUDA could not be loaded.
    switchTf32('tf32');
    keepTf32();
    switchTf32('bf16');
    switchTf32(undefined);
    expect(process.env.NVIDIA_TF32_OVERRIDE).toBeUndefined();
    expect(() => switchTf32('fp32')).toThrow('training.precision is "fp32", and this process has computed on CUDA with TF32');
  });
});
