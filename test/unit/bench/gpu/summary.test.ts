import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../../src/bench/gpu/budget';
import { cardOf } from '../../../../src/bench/gpu/cards';
import { plan, type PlanOptions } from '../../../../src/bench/gpu/plan';
import { resultOf, type Bar, type GpuResult } from '../../../../src/bench/gpu/result';
import { differenceOf, fitRuns, summariseSteps } from '../../../../src/bench/gpu/summary';
import { describeResult } from '../../../../src/cli/bench-gpu-report';
import type { Precision } from '../../../../src/shared/types';

const A = 0.3;
const B = 0.02;
const head = { parameters: 10, tokens: 1000, formulaFlops: 4e12, executedFlops: 3e12, runBytes: 240, stepBytes: 7 };
const times = (k: number, a = A, b = B): object => ({ k, seconds: [a + b * k, 9, a + b * k], losses: [2] });

describe('runs of K steps', () => {
  it('take a + b·K, which is found from their times', () => {
    const points = [1, 4, 16, 64].map((k) => [k, A + B * k] as const);
    const { a, b } = fitRuns(points)!;
    expect([a, b]).toEqual([expect.closeTo(A, 9), expect.closeTo(B, 9)]);
    expect(fitRuns([[4, 1]])).toBeUndefined();
    // A tenth more in every run is a tenth more of both, whatever K.
    const slower = fitRuns(points.map(([k, seconds]) => [k, 1.1 * seconds] as const))!;
    expect([slower.a, slower.b]).toEqual([expect.closeTo(1.1 * A, 9), expect.closeTo(1.1 * B, 9)]);
  });

  it('are summed up at the largest K: time with the transfers, MFU by the formula, the share of what is paid once', () => {
    const summary = summariseSteps([head, times(1), times(64)], 100)!;
    const perStep = (A + 64 * B) / 64;
    expect(summary).toMatchObject({
      k: 64,
      millisecondsPerStep: expect.closeTo(1000 * perStep, 6) as number,
      tokensPerSecond: expect.closeTo(1000 / perStep, 3) as number,
      tflops: expect.closeTo(4 / perStep, 6) as number,
      mfu: expect.closeTo(4 / perStep / 100, 9) as number,
      transfer: {
        milliseconds: expect.closeTo(300, 6) as number,
        bytes: 240 + 64 * 7,
        share: expect.closeTo(A / (A + 64 * B), 9) as number,
      },
      sweep: { 1: expect.closeTo(320, 6) as number, 64: expect.closeTo(1000 * perStep, 6) as number },
    });
    const k = summary.transfer!.stepsForBar;
    expect(A / (A + B * k)).toBeLessThanOrEqual(0.05);
    expect(A / (A + B * (k - 1))).toBeGreaterThan(0.05);
  });

  it('are judged at the longest run that training would make', () => {
    // 256 steps take 5.42 s.
    expect(summariseSteps([head, times(1), times(64), times(256)], 100)).toMatchObject({
      k: 64,
      transfer: { share: expect.closeTo(A / (A + 64 * B), 9) as number },
      sweep: { 256: expect.closeTo(1000 * (A / 256 + B), 6) as number },
    });
    expect(summariseSteps([head, times(1, 6), times(2, 6)], 100)).toMatchObject({ k: 1 });
  });

  it('that were stopped say what is known', () => {
    expect(summariseSteps([], 100)).toBeUndefined();
    expect(summariseSteps([head], 100)).toBeUndefined();
    expect(summariseSteps([head, times(1)], undefined)).toMatchObject({ k: 1, mfu: undefined, transfer: undefined });
  });
});

describe('the parts on a GPU', () => {
  const card = cardOf('NVIDIA H100 80GB HBM3')!;
  const options: PlanOptions = {
    ...{
      device: 'cuda',
      presets: ['base', 'mini'],
      batch: 256,
      dropout: 0,
      chunks: [1, 64],
      card,
      python: 'python3',
      twin: 'contender.py',
    },
    parity: { preset: 'mini', steps: 50, threads: 1 },
  };
  const parts = plan(['lab'], options);
  const done = (part: string, results: readonly unknown[]): Outcome => ({ part, outcome: 'done', seconds: 1, results });

  it('begin with the doctor, and those that need CUDA are refused when he finds that it does not work', () => {
    const refusals = (works: boolean): (string | undefined)[] => {
      const doctor = done('doctor', [{ providers: { cuda: { works, why: 'no libcublas' } } }]);
      return parts.slice(1).map(({ refuse }) => refuse?.([doctor]));
    };
    expect(parts[0]!.command).toEqual(['lab', 'doctor', '--json']);
    expect(new Set(refusals(true))).toEqual(new Set([undefined]));
    const kinds = parts.slice(1).map(({ what }) => what!.kind);
    expect(refusals(false)).toEqual(
      kinds.map((kind) => (kind === 'parity' || kind === 'steps' ? 'CUDA does not work: no libcublas' : undefined)),
    );
  });

  it('give rows with PyTorch beside us, and say whether the bars hold', () => {
    const outcomesFor = (a: number, b: number, milliseconds: number): Outcome[] =>
      parts.map(({ name, what }) => {
        if (what?.kind === 'steps' && what.preset === 'base') return done(name, [head, times(1, a, b), times(64, a, b)]);
        if (what?.kind === 'twin' && what.preset === 'base')
          return done(name, [{ ...head, versions: {}, losses: [2.02], milliseconds, steps: 9 }]);
        return { ...done(name, []), outcome: 'failed', why: 'out of memory' };
      });
    const result = resultOf(parts, outcomesFor(0, 0.01, 9), card);
    const row = (program: string, preset: string): object | undefined =>
      result.speeds.find((each) => each.program === program && each.preset === preset && each.precision === 'bf16');
    expect(row('ours', 'base')).toMatchObject({ tflops: expect.closeTo(400, 3) as number, mfu: expect.closeTo(400 / 989.4, 6) as number });
    expect(row('PyTorch compiled', 'base')).toMatchObject({ millisecondsPerStep: 9, difference: expect.closeTo(0.01, 9) as number });
    expect(row('ours', 'mini')).toEqual({ program: 'ours', preset: 'mini', precision: 'bf16', batch: 256 });
    const holds = (...numbers: [number, number, number]): (boolean | undefined)[] =>
      resultOf(parts, outcomesFor(...numbers), card)
        .bars.slice(1)
        .map((bar) => bar.holds);
    expect(holds(0, 0.01, 9)).toEqual([true, true]); // 40.4 % MFU, slower than PyTorch
    expect(holds(0, 0.02, 21)).toEqual([true, true]); // 20 % MFU, faster than PyTorch
    expect(holds(0.2, 0.02, 19)).toEqual([false, false]);
    expect(resultOf(parts, [], card).bars.map((bar) => bar.holds)).toEqual([undefined, undefined, undefined]);
  });

  it('compare losses with the processor, which one that is not finite fails, and has a row', () => {
    const resultFor = (difference: Partial<Record<Precision, readonly number[]>>): GpuResult =>
      resultOf(
        parts,
        parts.map(({ name, what }) => {
          const losses = what?.kind === 'parity' && difference[what.precision];
          if (!losses) return done(name, []);
          const row = { preset: 'mini', precision: what.precision, steps: 2, ...differenceOf(losses, [4, 4]), cpu: 4, device: losses[1]! };
          return done(name, [JSON.parse(JSON.stringify(row))]);
        }),
        card,
      );
    const barFor = (...given: Parameters<typeof resultFor>): Bar => resultFor(...given).bars[0]!;
    const right = { fp32: [4, 4.003], tf32: [4.03, 4], bf16: [4, 3.97] };
    expect(barFor(right)).toMatchObject({ holds: true, measured: 'mini, 2 steps: fp32 0.075 %, tf32 0.750 %, bf16 0.750 %' });
    expect(barFor({ ...right, fp32: [4, 4.005] }).holds).toBe(false);
    expect(barFor({ ...right, bf16: [4.05, 4] }).holds).toBe(false);
    expect(barFor({ fp32: right.fp32 }).holds).toBeUndefined();
    const broken = resultFor({ ...right, bf16: [4, NaN] });
    expect(broken.parity[2]).toMatchObject({ precision: 'bf16', difference: null, at: 2, device: null });
    expect(broken.bars[0]).toMatchObject({ holds: false, measured: expect.stringContaining('bf16 not finite') as string });
    expect(describeResult(broken)).toMatch(/mini +bf16 +2 +4\.0000 +– +not finite +2\n/);
  });

  it('with PyTorch are refused for what an earlier one of them said, not for what one of ours did', () => {
    const last = parts.at(-1)!;
    const refusal = (kind: string): string | undefined =>
      last.refuse?.(parts.slice(0, -1).map(({ name, what }) => ({ ...done(name, []), ...(what?.kind === kind && { why: 'ENOENT' }) })));
    expect(refusal('steps')).toBeUndefined();
    expect(refusal('twin')).toBe('ENOENT');
  });
});
