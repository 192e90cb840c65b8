import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { MemberState, type ComparedMember } from '../shared/comparison-types';
import { ProbeResult } from '../shared/probe-types';
import { replaceFile } from '../train/storage';
import type { Member } from './plan';

/** What a probe came to: a result, or why there is none. */
export const Outcome = z.union([z.object({ result: ProbeResult }), z.object({ probe: z.string(), why: z.string() })]);
export type Outcome = z.infer<typeof Outcome>;

/** What has become of a member: `members/<id>.json`, written by whoever trains it. */
export const MemberRecord = z.object({
  id: z.string(),
  state: MemberState,
  /** The folder of its run, seen from the comparison's. */
  run: z.string().optional(),
  step: z.int().default(0),
  /** What it is doing, or why it failed. */
  message: z.string().optional(),
  /** The code of the error that ended it. */
  code: z.string().optional(),
  /** Who trains it. */
  owner: z.object({ pid: z.int(), host: z.string() }).optional(),
  device: z.string().optional(),
  /** Seconds of its steps alone. */
  seconds: z.number().default(0),
  /** One for each probe of the plan that has been run, in its order. */
  outcomes: z.array(Outcome).default([]),
});
export type MemberRecord = z.infer<typeof MemberRecord>;

const pathOf = (folder: string, id: string): string => join(folder, 'members', `${id}.json`);

/** A member that nothing is known of waits; so does one whose process is gone. */
export function readRecord(folder: string, id: string): MemberRecord {
  const path = pathOf(folder, id);
  try {
    const record = MemberRecord.parse(JSON.parse(readFileSync(path, 'utf8')));
    if (record.state !== 'running' || isAlive(record.owner)) return record;
    return { ...record, state: 'waiting', message: 'interrupted' };
  } catch {
    // One that cannot be read is written anew: the run's own folder says how far it came.
    return { id, state: 'waiting', step: 0, seconds: 0, outcomes: [], ...(existsSync(path) && { message: 'its record is damaged' }) };
  }
}

export function writeRecord(folder: string, record: MemberRecord): void {
  mkdirSync(join(folder, 'members'), { recursive: true });
  replaceFile(pathOf(folder, record.id), `${JSON.stringify(record, null, 2)}\n`);
}

export const owner = (): NonNullable<MemberRecord['owner']> => ({ pid: process.pid, host: hostname() });

/** Processes of other machines cannot be asked: whoever submitted them knows. */
function isAlive(by: MemberRecord['owner']): boolean {
  if (!by) return false;
  if (by.host !== hostname()) return true;
  try {
    process.kill(by.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether a process of this machine trains it. */
export const isRunningHere = ({ state, owner: by }: MemberRecord): boolean => state === 'running' && by?.host === hostname();

/** A member as reports and events show it. */
export const memberOf = ({ id, variant, seed }: Member, { state, run, step, message }: MemberRecord): ComparedMember => ({
  id,
  variant,
  seed,
  state,
  ...(run !== undefined && { run }),
  ...(step > 0 && { step }),
  ...(message !== undefined && { message }),
});
