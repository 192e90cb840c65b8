import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockOf, ownerOf, RunLock } from '../../../src/train/lock';
import { disk } from '../../../src/train/storage';
import { bury } from './run-record';

let run: string;
let other: ChildProcess | undefined;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), 'objective-lab-lock-'));
});
afterEach(() => {
  other?.kill('SIGKILL');
  rmSync(run, { recursive: true, force: true });
});

/** A lock as another process holds it, which lives on. */
function heldByAnother(host = hostname()): void {
  other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  writeFileSync(lockOf(run), JSON.stringify({ pid: other.pid, host, since: '2026-11-26T12:00:00.000Z', token: 'other' }));
}
function beatUntil(done: Promise<unknown>): void {
  const beat = setInterval(() => utimesSync(lockOf(run), new Date(), new Date()), 200);
  void done.finally(() => clearInterval(beat)).catch(() => undefined);
}

describe('the lock of a run', () => {
  it('is held by one, and given to the next when it is released', async () => {
    const lock = await RunLock.acquire(run, disk);
    expect(ownerOf(run)).toMatchObject({ pid: process.pid, host: hostname() });
    lock.verify();
    lock.release();
    expect(ownerOf(run)).toBeUndefined();
    (await RunLock.acquire(run, disk)).verify();
  });

  it('of a process that is gone is taken over at once', async () => {
    bury(run);
    expect(ownerOf(run)).toBeUndefined();
    const before = performance.now();
    (await RunLock.acquire(run, disk)).verify();
    expect(performance.now() - before).toBeLessThan(1000);
  });

  it.each([hostname(), 'another-machine'])('of a process on %s that beats is not taken over, and its owner is named', async (host) => {
    heldByAnother(host);
    const acquired = RunLock.acquire(run, disk);
    beatUntil(acquired);
    await expect(acquired).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringContaining(`process ${other!.pid} on ${host}`) as string,
    });
    expect(readFileSync(lockOf(run), 'utf8')).toContain('other');
  });

  it('that nobody touches is taken over, whatever the clock says: its process is frozen, or its number is that of a new one', async () => {
    heldByAnother();
    const tomorrow = new Date(Date.now() + 86_400_000);
    utimesSync(lockOf(run), tomorrow, tomorrow);
    (await RunLock.acquire(run, disk)).verify();
  });

  it('that is damaged is taken over', async () => {
    writeFileSync(lockOf(run), '{"pid":');
    (await RunLock.acquire(run, disk)).verify();
  });

  it('tells a process that was frozen that another has the run now', async () => {
    const frozen = await RunLock.acquire(run, disk);
    const acquired = await RunLock.acquire(run, disk);
    expect(() => frozen.verify()).toThrow(expect.objectContaining({ code: 'busy' }));
    frozen.release();
    acquired.verify();
    expect(existsSync(lockOf(run))).toBe(true);
  });

  it('goes to one of many that try at once', async () => {
    bury(run);
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => RunLock.acquire(run, disk)));
    const refused = tries.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    expect(refused).toHaveLength(7);
    for (const error of refused) expect(error).toMatchObject({ code: 'busy' });
    for (const each of tries) if (each.status === 'fulfilled') each.value.verify();
  });
});
