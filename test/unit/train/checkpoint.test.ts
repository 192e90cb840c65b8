import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tensor } from '../../../src/onnx/types';
import {
  checkpointsOf,
  listCheckpoints,
  loadState,
  newestReadable,
  saveCheckpoint,
  type Checkpoint,
  type Retention,
} from '../../../src/train/checkpoint';
import type { Storage } from '../../../src/train/storage';
import { tinyModel } from '../objectives/fixtures';
import { dyingAfter, systemError, watched } from './faulty-storage';

let run: string;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), 'objective-lab-checkpoint-'));
});
afterEach(() => rmSync(run, { recursive: true, force: true }));

/** A checkpoint whose numbers say which one it is. */
const checkpoint = (step: number, evaluation?: Record<string, number>): Checkpoint => ({
  step,
  stepsBack: 0,
  parameters: new Map([['weight', tensor('float32', [2], [step, step])]]),
  optimiser: new Map([['m:weight', tensor('float32', [2], [step, 0])]]),
  buffers: new Map(),
  eval: evaluation,
});
const save = (each: Checkpoint, keep: Retention = { newest: 2 }, storage?: Storage): void =>
  saveCheckpoint(run, each, tinyModel, 0, keep, storage);
const steps = (): number[] => listCheckpoints(run).map(({ step }) => step);
const newest = (onDamaged: (message: string) => void = () => undefined): number | undefined => {
  const found = newestReadable(run, loadState, onDamaged);
  if (found) expect(found.contents.tensors.get('weight')!.data[0]).toBe(found.contents.step);
  return found?.contents.step;
};

describe('a checkpoint', () => {
  it('is there as a whole or not at all, whenever the process dies while it is written, and the one before it is whole until then', () => {
    save(checkpoint(1));
    save(checkpoint(2));
    const counting = watched(() => undefined);
    save(checkpoint(3), undefined, counting);
    rmSync(checkpointsOf(run), { recursive: true });
    let became = 0;
    for (const torn of [false, true]) {
      for (let call = 0; call <= counting.calls(); call++) {
        save(checkpoint(1));
        save(checkpoint(2));
        const dying = dyingAfter(call, torn);
        try {
          save(checkpoint(3), undefined, dying);
        } catch (error) {
          expect((error as Error).name).toBe('Died');
        }
        const damaged: string[] = [];
        expect([2, 3]).toContain(newest((message) => damaged.push(message)));
        expect(damaged).toEqual([]);
        became += Number(newest() === 3);
        // The next one finds whatever was left, and leaves nothing of it.
        save(checkpoint(4));
        expect(readdirSync(checkpointsOf(run)).filter((name) => name.includes('partial'))).toEqual([]);
        expect(newest()).toBe(4);
        expect(steps()).toHaveLength(2);
        rmSync(checkpointsOf(run), { recursive: true });
      }
    }
    // The deaths that came after it had its name: a few of each round.
    expect(became).toBeGreaterThan(2);
    expect(became).toBeLessThan(counting.calls());
  });

  it('leaves nothing behind when the disk refuses any of its calls, and what was there is whole', () => {
    const counting = watched(() => undefined);
    save(checkpoint(3), undefined, counting);
    rmSync(checkpointsOf(run), { recursive: true });
    mkdirSync(checkpointsOf(run));
    save(checkpoint(2));
    for (let at = 1; at <= counting.calls(); at++) {
      const refusing = watched((call) => {
        if (call === at) throw systemError('ENOSPC');
      });
      let failed = true;
      try {
        save(checkpoint(3), undefined, refusing);
        failed = false;
      } catch (error) {
        expect(error).toMatchObject({ code: 'disk' });
      }
      expect(readdirSync(checkpointsOf(run)).filter((name) => name.includes('partial'))).toEqual([]);
      if (newest() === 3) rmSync(join(checkpointsOf(run), 'step-00000003'), { recursive: true });
      else expect(failed).toBe(true);
      expect(newest()).toBe(2);
    }
  });

  it('replaces one of the same step', () => {
    save(checkpoint(3));
    save(checkpoint(3, { mlm: 1 }));
    expect(steps()).toEqual([3]);
  });
});

describe('the checkpoints that stay', () => {
  it('are the newest', () => {
    for (const step of [1, 2, 3, 4]) save(checkpoint(step), { newest: 3 });
    expect(steps()).toEqual([2, 3, 4]);
  });

  it.each([
    ['lower', [3, 1, 2, 2.5], 2],
    ['higher', [3, 1, 2, 2.5], 1],
    ['lower', [2, 1, 1, 1.5], 2],
  ] as const)('and the best (%s) of %j', (better, values, best) => {
    for (const [i, mlm] of values.entries()) save(checkpoint(i + 1, { mlm }), { newest: 1, best: { metric: 'mlm', better } });
    expect(steps()).toEqual([best, 4]);
  });

  it('are the newest alone where none was measured', () => {
    for (const step of [1, 2]) save(checkpoint(step), { newest: 1, best: { metric: 'mlm', better: 'lower' } });
    expect(steps()).toEqual([2]);
  });
});
