import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../../src/shared/types';
import { listRuns, readMetrics } from '../../../src/train/run';
import { bundle } from '../support/bundle';
import { Random } from '../support/random';
import { makeWorkspace } from '../support/workspace';
import { lasting } from './run-record';

/** Kills of each run; all together fifty. */
const KILLS = 17;
/** Replays the moments: `SOAK_SEED=7 npx vitest run test/unit/train/soak.test.ts`. */
const SEED = Number(process.env.SOAK_SEED ?? Date.now() % 100_000);

let cli: string;
beforeAll(async () => (cli = await bundle('cli')));
afterAll(() => rmSync(cli));

/** Runs the command line; kills it outright after a time, if that is given. Gives its exit code, or undefined if it was killed. */
function run(given: readonly string[], killAfter?: number): Promise<number | undefined> {
  const child = spawn(process.execPath, [cli, 'train', ...given, '--threads', '1'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
  return new Promise((resolve) =>
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code ?? undefined);
    }),
  );
}

const mlm = { type: 'mlm', batchSize: 4, sequenceLength: 16 };
const contrastive = { type: 'contrastive', batchSize: 4, sequenceLength: 16 };
const training = { steps: 2000, device: 'cpu', evaluateEvery: 100, checkpointEvery: 20, keepCheckpoints: 2, learningRate: 0.003 };

describe(`a run that is killed again and again (SOAK_SEED=${SEED})`, () => {
  it.each([
    ['mlm', { objectives: [mlm] }],
    ['contrastive learning with dropout', { objectives: [contrastive] }],
    [
      'both in phases',
      {
        objectives: [mlm, contrastive],
        combination: {
          kind: 'phases',
          phases: [
            { objectives: ['mlm'], share: 0.5 },
            { objectives: ['mlm', 'contrastive'], share: 0.5 },
          ],
        },
      },
    ],
  ])(
    'and resumed equals one that never was: %s',
    async (name, experiment) => {
      const random = new Random(SEED + name.length);
      const [straight, killed] = [makeWorkspace({ ...experiment, training }), makeWorkspace({ ...experiment, training })];
      const before = performance.now();
      expect(await run([straight.experiment])).toBe(0);
      const whole = performance.now() - before;
      const runs = (folder: string): RunSummary[] => listRuns(join(folder, '.objective-lab', 'runs'));
      const reference = runs(straight.folder)[0]!.folder;
      const stepping = 1000 * readMetrics(reference, -1, 1_000_000).at(-1)!.seconds;
      const longestLife = whole - stepping + (2 * stepping) / KILLS;

      // A run that completes in spite of all is followed by another.
      for (let kills = 0, completed = false; kills < KILLS || !completed;) {
        const unfinished = runs(killed.folder).find(({ state }) => state !== 'completed');
        // Some die before they have begun, some in the middle of a step, an evaluation or a checkpoint.
        const code = await run(
          unfinished ? ['--resume', unfinished.folder] : [killed.experiment],
          kills < KILLS ? random.number(0, longestLife) : undefined,
        );
        completed = code === 0;
        if (!completed) expect(code).toBeUndefined();
        kills += Number(!completed);
      }
      for (const { folder } of runs(killed.folder)) {
        expect(lasting(folder)).toEqual(lasting(reference));
        expect(existsSync(join(folder, 'lock.json'))).toBe(false);
      }
      for (const { remove } of [straight, killed]) remove();
    },
    300_000,
  );
});
