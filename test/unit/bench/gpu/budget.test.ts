import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { runParts, type Outcome, type Part } from '../../../../src/bench/gpu/budget';

const part = (name: string, script: string, more: Partial<Part> = {}): Part => ({
  name,
  seconds: 1,
  command: [process.execPath, '-e', script],
  ...more,
});
const run = async (
  seconds: number,
  parts: readonly Part[],
): Promise<{ outcomes: Outcome[]; limits: number[]; seen: number[]; took: number }> => {
  const limits: number[] = [];
  const seen: number[] = [];
  const started = performance.now();
  const outcomes = await runParts(parts, {
    seconds,
    begin: (_, limit) => limits.push(limit),
    end: (sofar) => seen.push(sofar.length),
  });
  return { outcomes, limits, seen, took: (performance.now() - started) / 1000 };
};
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie that nobody has waited for yet is dead.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('parts of a budget', () => {
  it('end in time when one hangs, which is killed with all that it started and keeps what it had printed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'budget-'));
    const note = join(folder, 'pid');
    const hang = `
      const { pid } = require('node:child_process').spawn('sleep', ['100'], { stdio: 'inherit' });
      require('node:fs').writeFileSync(${JSON.stringify(note)}, String(pid));
      console.log('{"row":1}');
      setInterval(() => undefined, 1000);
      process.on('SIGTERM', () => undefined);`;
    try {
      const { outcomes, seen, took } = await run(4, [part('hangs', hang), part('goes on', 'console.log(\'{"row":2}\')')]);
      expect(outcomes).toMatchObject([
        { part: 'hangs', outcome: 'stopped', why: 'its 2 s were over', results: [{ row: 1 }] },
        { part: 'goes on', outcome: 'done', results: [{ row: 2 }] },
      ]);
      expect(seen).toEqual([1, 2]);
      expect(took).toBeLessThan(4);
      await sleep(100);
      expect(isAlive(Number(readFileSync(note, 'utf8')))).toBe(false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('pass on the time that they do not use', async () => {
    const { limits } = await run(20, [part('first', ''), part('second', '', { seconds: 3 })]);
    expect(limits[0]).toBeCloseTo(5, 1);
    expect(limits[1]).toBeGreaterThan(15);
  });

  it('that would not fit are skipped with a word, and so are those that have a reason of their own', async () => {
    const { outcomes } = await run(4, [
      part('long', '', { seconds: 30 }),
      part('refused', '', { refuse: (before) => `${before[0]!.part} was ${before[0]!.outcome}` }),
      part('last', ''),
    ]);
    expect(outcomes.map(({ outcome, why }) => [outcome, why])).toEqual([
      ['skipped', 'it needs 30 s, and 4 s are left'],
      ['skipped', 'long was skipped'],
      ['done', undefined],
    ]);
  });

  it('that fail say why, and the others go on', async () => {
    const { outcomes } = await run(20, [
      part('throws', 'console.log(\'{"row":1}\'); throw new RangeError("out of memory")'),
      part('dies', 'process.stdout.write(\'{"ro\'); process.kill(process.pid, "SIGSEGV")'),
      part('is not there', '', { command: ['/nowhere/python'] }),
      part('last', ''),
    ]);
    expect(outcomes).toMatchObject([
      { outcome: 'failed', why: 'RangeError: out of memory', results: [{ row: 1 }] },
      { outcome: 'failed', why: 'it ended by itself (SIGSEGV)', results: [] },
      { outcome: 'failed', why: expect.stringContaining('ENOENT') as string },
      { outcome: 'done' },
    ]);
  });
});
