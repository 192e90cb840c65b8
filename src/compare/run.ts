import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ComparedMember, ComparisonReport } from '../shared/comparison-types';
import { UserError } from '../shared/errors';
import { lockOf, RunLock } from '../train/lock';
import { requireOwnFolder } from '../train/own-folder';
import { Pulse } from '../train/pulse';
import { disk } from '../train/storage';
import type { ExecutorContext } from './executor';
import { executorOf } from './executors';
import { loadComparison } from './load';
import { changesSince, comparisonFolder, isPlanned, makePlan, readPlan, writePlan, type ComparisonPlan } from './plan';
import { isRunningHere, memberOf, readRecord, type MemberRecord } from './record';
import { writeReport } from './report';

export interface CompareEvents {
  status: (message: string) => void;
  /** The plan is made: its folder, and what every variant does. */
  planned: (details: { folder: string; plan: ComparisonPlan }) => void;
  /** What has become of a member, whenever that changes. */
  member: (member: ComparedMember) => void;
  warning: (message: string) => void;
}

export interface CompareOptions {
  /** Goes on with a comparison that has begun, as it was planned. */
  readonly resume?: boolean | undefined;
  /** The words that start this same program's command line. */
  readonly cli: readonly string[];
  readonly signal: AbortSignal;
  readonly events: Partial<CompareEvents>;
}

/** The words by which a member is trained. */
const memberCommand =
  (cli: readonly string[], folder: string) =>
  (id: string): string[] => [...cli, 'compare', folder, '--member', id];

/**
 * Runs a comparison: plans it, trains its members, measures them, and writes the report anew after each.
 *
 * @param path of a `*.compare.json`, or the folder of a comparison that has begun
 * @throws UserError (code `comparison`) for a file with mistakes, a comparison that has begun and is not to be resumed, or one that has changed; (code
 *   `busy`) while another process runs it
 */
export async function runComparison(path: string, { resume = false, cli, signal, events }: CompareOptions): Promise<ComparisonReport> {
  const { folder, plan } = await planned(path, resume, { signal, events, command: `objective-lab compare ${path}` });
  const lock = await RunLock.acquire(folder, disk);
  const pulse = new Pulse(PATIENCE);
  try {
    pulse.hold(lockOf(folder));
    events.planned?.({ folder, plan });
    const { tell, watch } = follow(folder, plan, events);
    const context: ExecutorContext = {
      folder,
      command: memberCommand(cli, folder),
      tell: (message) => events.status?.(message),
      warn: (message) => events.warning?.(message),
      signal,
    };
    const stopWatching = new AbortController();
    const watching = watch(stopWatching.signal);
    try {
      await executorOf(plan).run(due(folder, plan), context);
      // Those of an earlier start whose processes still go on.
      while (!signal.aborted && plan.members.some(({ id }) => isRunningHere(readRecord(folder, id)))) await pause(INTERVAL);
    } finally {
      stopWatching.abort();
      await watching;
    }
    tell();
    return writeReport(folder);
  } finally {
    await pulse.stop();
    lock.release();
  }
}

/**
 * Members that are to be trained now. One that diverged would do so again. Of one that says it runs on another machine only a cluster's queue can tell
 * whether that is so still: its node may have failed.
 */
export const due = (folder: string, { members, executor }: Pick<ComparisonPlan, 'members' | 'executor'>): string[] =>
  members
    .map(({ id }) => readRecord(folder, id))
    .filter(
      (record) =>
        record.state === 'waiting' ||
        (record.state === 'failed' && record.code !== 'diverged') ||
        (record.state === 'running' && !isRunningHere(record) && executor.kind === 'slurm'),
    )
    .map(({ id }) => id);

/** What a comparison would do: its plan, and what its executor would start, by file name. Nothing is written but the cache of texts. */
export async function rehearse(
  path: string,
  { cli, signal, events }: Omit<CompareOptions, 'resume'>,
): Promise<{ plan: ComparisonPlan; files: ReadonlyMap<string, string> }> {
  const loaded = loadComparison(path);
  const folder = comparisonFolder(loaded);
  const plan = await makePlan(loaded, {
    command: `objective-lab compare ${path}`,
    onProgress: (message) => events.status?.(message),
    signal,
  });
  const context = { folder, command: memberCommand(cli, folder), tell: () => undefined, warn: () => undefined, signal };
  return { plan, files: executorOf(plan).dryRun(due(folder, plan), context) };
}

/** How long the coordinating process may be busy with its own work, in milliseconds. */
const PATIENCE = 60_000;
/** How often the members' files are looked at, in milliseconds. */
const INTERVAL = 500;

interface Planning {
  readonly signal: AbortSignal;
  readonly events: Partial<CompareEvents>;
  readonly command: string;
}

async function planned(
  path: string,
  resume: boolean,
  { signal, events, command }: Planning,
): Promise<{ folder: string; plan: ComparisonPlan }> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const plan = readPlan(path);
    if (!resume) throw begun(path, plan);
    return { folder: path, plan };
  }
  const loaded = loadComparison(path);
  const folder = comparisonFolder(loaded);
  requireOwnFolder(folder);
  if (isPlanned(folder)) {
    const plan = readPlan(folder);
    const changes = changesSince(plan, loaded);
    if (resume) {
      if (changes.length > 0)
        events.warning?.(`${path} has changed since the comparison began (${changes.join(', ')}); it goes on as it was planned.`);
      // Where members are trained may change on the way.
      return { folder, plan: { ...plan, executor: loaded.comparison.executor } };
    }
    if (hasBegun(folder, plan)) throw changes.length > 0 ? changed(path, changes, loaded.comparison.name) : begun(path, plan, folder);
  } else if (resume) {
    throw new UserError(`The comparison of ${path} has not begun: there is nothing to resume.`, 'Leave --resume away.', 'comparison');
  }
  const plan = await makePlan(loaded, { command, onProgress: (message) => events.status?.(message), signal });
  mkdirSync(folder, { recursive: true });
  writePlan(folder, plan);
  return { folder, plan };
}

const hasBegun = (folder: string, { members }: ComparisonPlan): boolean =>
  members.some(({ id }) => existsSync(join(folder, 'members', `${id}.json`)));

function begun(path: string, { members, name }: ComparisonPlan, folder = path): UserError {
  const done = members.filter(({ id }) => readRecord(folder, id).state === 'done').length;
  return new UserError(
    `The comparison "${name}" has begun already: ${done} of ${members.length} members are done, in ${folder}.`,
    'Go on with --resume, see its report with --report, or give the new one another `name`.',
    'comparison',
  );
}

const changed = (path: string, changes: readonly string[], name: string): UserError =>
  new UserError(
    `${path} is no longer what the comparison "${name}" began with: ${changes.join(', ')} changed.`,
    'Members of both would not be comparable. Give the new one another `name`, or go on with the old one by --resume.',
    'comparison',
  );

/** Tells of members whose records change, and writes the report when one has finished. */
function follow(
  folder: string,
  plan: ComparisonPlan,
  events: Partial<CompareEvents>,
): { tell: () => void; watch: (signal: AbortSignal) => Promise<void> } {
  const seen = new Map<string, string>();
  const finished = new Set(plan.members.filter(({ id }) => isFinished(readRecord(folder, id))).map(({ id }) => id));
  const tell = (): void => {
    for (const member of plan.members) {
      const record = readRecord(folder, member.id);
      const shown = memberOf(member, record);
      const text = JSON.stringify(shown);
      if (seen.get(member.id) === text) continue;
      seen.set(member.id, text);
      events.member?.(shown);
      if (!isFinished(record) || finished.has(member.id)) continue;
      finished.add(member.id);
      writeReport(folder);
    }
  };
  const watch = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      tell();
      await pause(INTERVAL, undefined, { signal }).catch(() => undefined);
    }
  };
  return { tell, watch };
}

const isFinished = ({ state }: MemberRecord): boolean => state === 'done' || state === 'failed';

/** The folders of the comparisons below a folder of them, by name. */
export function listComparisons(comparisons: string): string[] {
  requireOwnFolder(comparisons);
  if (!existsSync(comparisons)) return [];
  return readdirSync(comparisons, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isPlanned(join(comparisons, entry.name)))
    .map(({ name }) => join(comparisons, name))
    .sort();
}
