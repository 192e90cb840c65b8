import { existsSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Metrics } from '../../../src/shared/types';
import { checkpointsOf, listCheckpoints } from '../../../src/train/checkpoint';
import { resume, train, type TrainOptions } from '../../../src/train/loop';
import { listRuns, summarise } from '../../../src/train/run';
import { makeWorkspace } from '../support/workspace';
import { Died, dyingAfter, systemError, watched } from './faulty-storage';
import { bury, lasting } from './run-record';

const workspaces: { remove: () => void }[] = [];
const workspace = (experiment: object): ReturnType<typeof makeWorkspace> => {
  const made = makeWorkspace(experiment);
  workspaces.push(made);
  return made;
};
afterEach(() => workspaces.splice(0).forEach(({ remove }) => remove()));

const mlm = { type: 'mlm', batchSize: 4, sequenceLength: 16 };
const contrastive = { type: 'contrastive', batchSize: 4, sequenceLength: 16, learnTemperature: true, queue: 16 };
const training = { steps: 12, device: 'cpu', threads: 1, evaluateEvery: 4, checkpointEvery: 4, learningRate: 0.003 };
const EXPERIMENTS = {
  mlm: { objectives: [mlm], training },
  'contrastive learning with dropout, a queue and a learned temperature': { objectives: [contrastive], training },
  'a combination in turn': {
    objectives: [mlm, { ...contrastive, weight: 0.1 }],
    combination: { kind: 'alternate', ratio: { mlm: 2, contrastive: 1 } },
    training,
  },
  'a sum whose checkpoints are no evaluations': {
    objectives: [mlm, { ...contrastive, weight: 0.1 }],
    training: { ...training, checkpointEvery: 5, evaluateEvery: 3 },
  },
};

/** Trains until a step and stops there, as Ctrl-C does. */
async function stopAt(step: number, options: TrainOptions): Promise<string> {
  const controller = new AbortController();
  const metrics = (line: Metrics): void => {
    if (line.loss && line.step === step) controller.abort();
  };
  const done = await train({ ...options, signal: controller.signal, events: { metrics } });
  expect(done).toMatchObject({ reason: 'stopped', steps: step });
  return done.run;
}

const runOf = (folder: string): string | undefined => listRuns(join(folder, '.objective-lab', 'runs'))[0]?.folder;
const onlyRun = (folder: string): string => runOf(folder)!;

describe.each(Object.entries(EXPERIMENTS))('a run of %s', (_, experiment) => {
  let straight: ReturnType<typeof lasting>;
  beforeAll(async () => {
    const { experiment: path, remove } = makeWorkspace(experiment);
    straight = lasting((await train({ experiment: path })).run);
    remove();
  });

  it.each([1, 3, 4, 5, 8, 11])('that is stopped at step %i and resumed equals one that was not', async (step) => {
    const { experiment: path } = workspace(experiment);
    const run = await stopAt(step, { experiment: path });
    expect(await resume({ run })).toMatchObject({ run, steps: 12, reason: 'completed' });
    const { metrics, checkpoints } = lasting(run);
    expect(metrics).toEqual(straight.metrics);
    expect(Object.keys(checkpoints)).toEqual(expect.arrayContaining(['step-00000012']));
    for (const [name, state] of Object.entries(straight.checkpoints)) if (checkpoints[name]) expect(checkpoints[name]).toBe(state);
  });

  it('that dies at any call of a checkpoint and is resumed equals one that was not stopped', async () => {
    // The calls of the second checkpoint: from the end of the first to the news of the second.
    const edges: number[] = [];
    const counting = watched(() => undefined);
    const counted = workspace(experiment);
    await train({
      experiment: counted.experiment,
      storage: counting,
      events: { checkpoint: () => edges.push(counting.calls()) },
    });
    const [from, to] = [edges[0]!, edges[1]!];
    const last = to - from;
    // Every call is tried on checkpoints alone (below); here some all over, and each of the last ones, where names change.
    const calls = [
      ...new Set([...Array.from({ length: 4 }, (_, i) => Math.round((last * i) / 4)), ...Array.from({ length: 5 }, (_, i) => last - i)]),
    ];
    for (const [i, call] of calls.entries()) {
      const { experiment: path, folder, remove } = workspace(experiment);
      await expect(train({ experiment: path, storage: dyingAfter(from + call, i % 2 === 0) })).rejects.toThrow(Died);
      const run = onlyRun(folder);
      bury(run);
      expect(summarise(run)).toMatchObject({ state: 'interrupted' });
      await resume({ run });
      expect(lasting(run), `killed after call ${call} of ${last}`).toEqual(straight);
      remove();
    }
  });
});

describe('a run that is resumed', () => {
  const experiment = { objectives: [mlm], training };

  it('begins anew where there is no checkpoint yet', async () => {
    const straight = await train({ experiment: workspace(experiment).experiment });
    const { experiment: path, folder } = workspace(experiment);
    const dying = watched((_, __, file) => {
      if (file?.includes('step-00000004')) throw new Died();
    });
    await expect(train({ experiment: path, storage: dying })).rejects.toThrow(Died);
    const run = onlyRun(folder);
    bury(run);
    const warnings: string[] = [];
    await resume({ run, events: { warning: (message) => warnings.push(message) } });
    expect(lasting(run)).toEqual(lasting(straight.run));
    expect(warnings).toEqual([]);
  });

  it('passes over a damaged checkpoint and names it', async () => {
    const straight = await train({ experiment: workspace(experiment).experiment });
    const run = await stopAt(9, { experiment: workspace(experiment).experiment });
    for (const { folder } of listCheckpoints(run).slice(-2)) truncateSync(join(folder, 'optimizer.safetensors'), 100);
    const warnings: string[] = [];
    await resume({ run, events: { warning: (message) => warnings.push(message) } });
    expect(warnings.map((message) => /step-\d+/.exec(message)?.[0])).toEqual(['step-00000009', 'step-00000008']);
    expect(lasting(run).metrics).toEqual(lasting(straight.run).metrics);
  });

  it('keeps its text when the files have changed meanwhile', async () => {
    const straight = await train({ experiment: workspace(experiment).experiment });
    const { experiment: path, folder } = workspace(experiment);
    const run = await stopAt(5, { experiment: path });
    writeFileSync(join(folder, 'text', '0.md'), 'Something else altogether.');
    await resume({ run });
    expect(lasting(run).metrics).toEqual(lasting(straight.run).metrics);
  });

  it('says so when the files have changed and what was prepared of them is gone', async () => {
    const { experiment: path, folder } = workspace(experiment);
    const run = await stopAt(5, { experiment: path });
    rmSync(join(folder, '.objective-lab', 'cache'), { recursive: true });
    writeFileSync(join(folder, 'text', '0.md'), 'Something else altogether.');
    await expect(resume({ run })).rejects.toMatchObject({
      code: 'corpus',
      message: expect.stringContaining('is no longer what') as string,
    });
    expect(summarise(run)).toMatchObject({ state: 'stopped', step: 5 });
    expect(existsSync(join(run, 'lock.json'))).toBe(false);
  });

  it('is found where its workspace has been moved to', async () => {
    const { experiment: path, folder, remove } = workspace(experiment);
    const run = await stopAt(5, { experiment: path });
    renameSync(folder, `${folder}-moved`);
    workspaces.push({ remove: () => rmSync(`${folder}-moved`, { recursive: true, force: true }) });
    const done = await resume({ run: run.replace(folder, `${folder}-moved`) });
    expect(done).toMatchObject({ reason: 'completed', run: run.replace(folder, `${folder}-moved`) });
    remove();
  });

  it('must be a run, and must not be completed', async () => {
    const { experiment: path, folder } = workspace(experiment);
    const { run } = await train({ experiment: path, steps: 1 });
    await expect(resume({ run })).rejects.toMatchObject({ code: 'run', message: expect.stringContaining('is completed') as string });
    await expect(resume({ run: folder })).rejects.toMatchObject({ code: 'run' });
  });

  it('must have its own checkpoints', async () => {
    const { experiment: path } = workspace(experiment);
    const run = await stopAt(5, { experiment: path });
    const record = join(run, 'experiment.json');
    writeFileSync(record, readFileSync(record, 'utf8').replace('"hiddenSize": 32', '"hiddenSize": 64'));
    await expect(resume({ run })).rejects.toMatchObject({
      code: 'model',
      message: expect.stringContaining('the experiment asks for') as string,
    });
  });
});

describe('a disk that refuses', () => {
  const experiment = { objectives: [mlm], training };

  it.each([
    ['ENOSPC', 'write', /step-00000008.*/, 'The disk is full'],
    ['EDQUOT', 'write', /metrics/, 'The disk is full'],
    ['EROFS', 'open', /step-00000008/, 'cannot be written'],
    ['EACCES', 'makeFolder', /step-00000008/, 'cannot be written'],
    ['EPERM', 'rename', /step-00000008/, 'cannot be written'],
    ['EIO', 'sync', /./, 'reports an error'],
  ] as const)(
    '(%s at %s) pauses the run; once it is mended the run goes on as if nothing had been',
    async (code, operation, where, message) => {
      const straight = await train({ experiment: workspace(experiment).experiment });
      const { experiment: path, folder } = workspace(experiment);
      let current = '';
      let broken = false;
      const storage = watched((_, called, file) => {
        current = file ?? current;
        // From the second checkpoint on, and as long as it lasts.
        broken ||= called === operation && where.test(current) && existsSync(join(runOf(folder) ?? '', 'checkpoints', 'step-00000004'));
        if (broken && called === operation && (file === undefined || where.test(file))) throw systemError(code);
      });
      const failed = expect(train({ experiment: path, storage })).rejects;
      await failed.toMatchObject({
        code: 'disk',
        message: expect.stringContaining(message) as string,
        hint: expect.stringContaining('resume') as string,
      });
      const run = onlyRun(folder);
      // Where not even that could be written, the run is seen as interrupted.
      expect(['paused', 'interrupted']).toContain(summarise(run)!.state);
      expect(summarise(run)).toMatchObject({ checkpoint: 4 });
      expect(readdirSync(checkpointsOf(run))).not.toContain('step-00000008');
      await resume({ run });
      expect(lasting(run)).toEqual(lasting(straight.run));
    },
  );
});
