import type { RunSummary } from '../shared/types';
import type { LiveRun } from './training';

/** The stored runs, newest first, with the news of the run in progress on top. */
export function withLive(stored: readonly RunSummary[], live: Readonly<LiveRun> | undefined): readonly RunSummary[] {
  if (live?.folder === undefined) return stored;
  const known = stored.some(({ folder }) => folder === live.folder);
  if (known) return stored.map((run) => (run.folder === live.folder ? { ...run, ...news(live) } : run));
  const fresh: RunSummary = {
    id: live.folder.replace(/^.*[\\/]/, ''),
    name: live.name,
    folder: live.folder,
    startedAt: live.startedAt,
    objectives: [],
    baselines: [],
    state: 'preparing',
    step: 0,
    steps: live.steps ?? 0,
    ...news(live),
  };
  return [fresh, ...stored];
}

/** Whether a run may still go on. */
export function isUnfinished({ state }: RunSummary): boolean {
  return state === 'preparing' || state === 'running';
}

/** Whether a run can be taken up again. */
export function isResumable({ state }: RunSummary): boolean {
  return state === 'stopped' || state === 'paused' || state === 'interrupted' || state === 'failed';
}

function news(live: Readonly<LiveRun>): Partial<RunSummary> {
  const { steps, baselines, loss, checkpoint, last } = live;
  return {
    state: last ? 'running' : 'preparing',
    step: last?.step ?? 0,
    ...(steps !== undefined && { steps }),
    ...(baselines && { baselines }),
    ...(loss && { loss, objectives: Object.keys(loss).filter((name) => name !== 'total') }),
    ...(live.eval && { eval: live.eval }),
    ...(checkpoint !== undefined && { checkpoint }),
  };
}
