import { describe, expect, it } from 'vitest';
import { kernelTimes } from '../../../src/bench/profile';

describe('the profile of a step', () => {
  it('is the average of the runs after the first', () => {
    const kernel = (op: string, ts: number, dur: number): object => ({
      cat: 'Node',
      name: `${op}_kernel_time`,
      ts,
      dur,
      args: { op_name: op },
    });
    const run = (ts: number, dur: number): object => ({ cat: 'Session', name: 'model_run', ts, dur, args: {} });
    const trace = [
      { cat: 'Session', name: 'session_initialization', ts: 0, dur: 50, args: {} },
      ...[kernel('Gemm', 110, 9000), kernel('Add', 9120, 500), run(100, 9900)],
      ...[kernel('Gemm', 10_010, 1000), kernel('Add', 11_020, 100), run(10_000, 1200)],
      ...[kernel('Gemm', 12_010, 2000), kernel('Add', 14_020, 300), run(12_000, 2500)],
    ];
    expect(kernelTimes(trace)).toEqual(
      new Map([
        ['Gemm', 1.5],
        ['Add', 0.2],
      ]),
    );
  });
});
