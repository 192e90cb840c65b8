import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { checkpointsOf } from '../../../src/train/checkpoint';
import { lockOf } from '../../../src/train/lock';
import { readMetrics } from '../../../src/train/run';

/** All that a run leaves which must not depend on how often it was stopped: its metrics but for what the clock says, and its checkpoints' bytes. */
export function lasting(run: string): { metrics: string[]; checkpoints: Record<string, string> } {
  const metrics = readMetrics(run, -1, 1_000_000).map(({ seconds: _, tokensPerSecond: __, dataWait: ___, ...line }) =>
    JSON.stringify(line),
  );
  const checkpoints = Object.fromEntries(
    readdirSync(checkpointsOf(run)).map((name) => [name, readFileSync(join(checkpointsOf(run), name, 'state.json'), 'utf8')]),
  );
  return { metrics, checkpoints };
}

/** Makes a lock that this process left behind look as if the process had died. */
export function bury(run: string): void {
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(lockOf(run), JSON.stringify({ pid, host: hostname(), since: new Date().toISOString(), token: 'dead' }));
}
