import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Memory of the control groups (version 2) that a process is in: containers, and jobs of a cluster, are such groups. In bytes. */
export interface GroupMemory {
  /** What the process and all others of its group may take together. */
  readonly limit: number;
  /** What of that is not taken. */
  readonly available: number;
}

/**
 * The tightest limit among a process's group and those around it: the limit of a job may be on a group further out. Files that the kernel keeps at hand count as
 * taken in `memory.current`; it gives up those that nobody has read lately (`inactive_file`) before it ends a process, so they are available.
 *
 * @param root where the groups are mounted. @param own the file that names the process's group
 * @returns undefined where there is no limit, or no groups of version 2
 */
export function groupMemory(root = '/sys/fs/cgroup', own = '/proc/self/cgroup'): GroupMemory | undefined {
  const path = /^0::(\/.*)$/m.exec(read(own) ?? '')?.[1];
  if (path === undefined) return undefined;
  // A container may not see the groups around it: those that are not there are passed over.
  const names = path.split('/').filter((name) => name !== '' && name !== '..');
  const limits = [...names.keys(), names.length].flatMap((depth) => limitOf(join(root, ...names.slice(0, depth))) ?? []);
  if (limits.length === 0) return undefined;
  return {
    limit: Math.min(...limits.map(({ limit }) => limit)),
    available: Math.min(...limits.map(({ available }) => available)),
  };
}

/** That of one group alone. */
function limitOf(group: string): GroupMemory | undefined {
  // Above `memory.high` processes are slowed down until next to nothing goes on.
  const limit = Math.min(...['memory.max', 'memory.high'].map((file) => wholeNumber(read(join(group, file))) ?? Infinity));
  const current = wholeNumber(read(join(group, 'memory.current')));
  if (limit === Infinity || current === undefined) return undefined;
  const unread = wholeNumber(/^inactive_file (\d+)$/m.exec(read(join(group, 'memory.stat')) ?? '')?.[1]) ?? 0;
  return { limit, available: Math.max(0, limit - Math.max(0, current - unread)) };
}

/** Undefined where it says `max`, or nothing. */
const wholeNumber = (text: string | undefined): number | undefined => (/^\d+\s*$/.test(text ?? '') ? Number(text) : undefined);

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
