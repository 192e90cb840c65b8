import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';
import { diskError, UserError } from '../shared/errors';
import { attempt, writeAll, type Storage } from './storage';

const Owner = z.object({ pid: z.int(), host: z.string(), since: z.string(), token: z.string() });
export type Owner = z.infer<typeof Owner>;

export const lockOf = (run: string): string => join(run, 'lock.json');

/** How long a lock that is not touched is watched before it counts as left behind, in milliseconds: {@link Pulse} touches it twice a second. */
const OBSERVATION = 3_000;
/** The age at which lists take a lock as left behind, in milliseconds. Lists may be wrong when the clock is moved; taking over a run may not. */
const OLD = 30_000;

/** One process at a time writes a run's folder: the one whose token is in the lock. */
export class RunLock {
  private constructor(
    private readonly run: string,
    private readonly token: string,
    private readonly storage: Storage,
  ) {}

  /** Locks a folder that nobody else knows of yet. */
  static create(run: string, storage: Storage): RunLock {
    const token = randomUUID();
    const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString(), token };
    const file = storage.open(lockOf(run), 'wx');
    try {
      writeAll(file, `${JSON.stringify(owner)}\n`, storage);
    } finally {
      storage.close(file);
    }
    return new RunLock(run, token, storage);
  }

  /**
   * Locks a run that others may know of. A lock whose process is gone, or that nobody touches while it is watched, is taken over: clocks play no part.
   *
   * @throws UserError (code `busy`) that names the owner; (code `disk`)
   */
  static async acquire(run: string, storage: Storage): Promise<RunLock> {
    for (let attempts = 3; ; attempts--) {
      try {
        return RunLock.create(run, storage);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(lockOf(run), error);
        const owner = readOwner(lockOf(run));
        if (attempts === 0 || (await isBeating(run, owner))) throw busy(run, owner);
        takeAway(run, owner, storage);
      }
    }
  }

  /** @throws UserError (code `busy`) when another process has taken over, as it may from one that was frozen */
  verify(): void {
    const owner = readOwner(lockOf(this.run));
    if (owner?.token !== this.token) throw busy(this.run, owner);
  }

  release(): void {
    if (readOwner(lockOf(this.run))?.token === this.token) attempt(() => this.storage.remove(lockOf(this.run)));
  }
}

/** The process that trains a run now, as far as one can tell without waiting. */
export function ownerOf(run: string): Owner | undefined {
  const owner = readOwner(lockOf(run));
  const touched = touchedAt(run);
  return owner && touched !== undefined && Date.now() - touched < OLD && mayLive(owner) ? owner : undefined;
}

function readOwner(path: string): Owner | undefined {
  try {
    return Owner.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

const touchedAt = (run: string): number | undefined => statSync(lockOf(run), { throwIfNoEntry: false })?.mtimeMs;

/** Processes of other machines cannot be asked. */
function mayLive({ pid, host }: Owner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function isBeating(run: string, owner: Owner | undefined): Promise<boolean> {
  if (owner && !mayLive(owner)) return false;
  const before = touchedAt(run);
  await pause(OBSERVATION);
  const after = touchedAt(run);
  return after !== undefined && after !== before;
}

/** Removes a lock that was left behind. Of several processes that try at once one succeeds, and none removes the lock of that one. */
function takeAway(run: string, stale: Owner | undefined, storage: Storage): void {
  const aside = `${lockOf(run)}.${randomUUID()}`;
  try {
    storage.rename(lockOf(run), aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw diskError(lockOf(run), error);
  }
  const moved = readOwner(aside);
  if (moved?.token !== stale?.token) {
    storage.rename(aside, lockOf(run));
    throw busy(run, moved);
  }
  storage.remove(aside);
}

const busy = (run: string, owner: Owner | undefined): UserError =>
  new UserError(
    owner
      ? `The run ${run} is being trained by process ${owner.pid} on ${owner.host}, since ${owner.since}.`
      : `The run ${run} is being trained by another process.`,
    'Wait for its end, or stop it where it was started.',
    'busy',
  );
