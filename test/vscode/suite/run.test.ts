import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import type { RunSummary } from '../../../src/shared/types';
import { listRuns } from '../../../src/train/run';
import { metricsOf, runInState, storedRuns, until, workspaceUri, writeExperiment, type StoredRun } from '../support';

const startRun = (experiment: vscode.Uri): Thenable<unknown> => vscode.commands.executeCommand('objectiveLab.startRun', experiment);

/** Waits until a run has come to its n-th step. */
const trained = (name: string, step: number): Promise<StoredRun> =>
  until(
    `step ${step} of ${name}`,
    async () => {
      const run = (await storedRuns(name))[0];
      return run && ((await metricsOf(run)).at(-1)?.step ?? 0) >= step ? run : undefined;
    },
    60_000,
  );

const checkpoints = async (run: StoredRun): Promise<string[]> => {
  const folder = path.join(run.folder, 'checkpoints');
  return (await readdir(folder).catch(() => [])).filter((name) => /^step-\d+$/.test(name));
};

describe('A run', () => {
  it('trains in its own process and writes what there is to know into its folder', async () => {
    await startRun(await writeExperiment('short', { steps: 30, evaluateEvery: 10 }));
    const run = await runInState('short', 'completed');
    const metrics = await metricsOf(run);
    assert.equal(metrics.at(-1)?.step, 30);
    const losses = metrics.flatMap(({ loss }) => loss?.mlm ?? []);
    assert.ok(losses.length > 0 && losses.every(Number.isFinite), `losses: ${losses.join(' ')}`);
    assert.ok(mean(losses.slice(-5)) < mean(losses.slice(0, 5)) - 0.1, `the loss fell: ${losses.join(' ')}`);
    assert.ok(metrics.some((line) => line.eval?.mlm !== undefined && line.eval.unigram !== undefined));
    assert.deepEqual(await checkpoints(run), ['step-00000030']);
  }).timeout(90_000);

  it('keeps what its objectives must beat', async () => {
    const [run] = await storedRuns('short');
    assert.ok(run);
    assert.deepEqual(
      listed(run)?.baselines.map(({ metric }) => metric),
      ['mlm', 'contrastive.retrieval'],
    );
  });

  it('leaves a checkpoint of its last step when it is stopped', async () => {
    await startRun(await writeExperiment('stopped', { steps: 100_000 }));
    const { pid } = await trained('stopped', 3);
    assert.ok(pid !== undefined && pid !== process.pid, 'the extension host does not train');
    await vscode.commands.executeCommand('objectiveLab.stopRun');
    const run = await runInState('stopped', 'stopped', 10_000);
    const step = (await metricsOf(run)).at(-1)?.step ?? 0;
    assert.deepEqual(await checkpoints(run), [`step-${String(step).padStart(8, '0')}`]);
  }).timeout(90_000);

  it('is interrupted when its trainer is killed, keeps its checkpoint, and another can start', async () => {
    const experiment = await writeExperiment('killed', { steps: 100_000, checkpointEvery: 5 });
    await startRun(experiment);
    const run = await trained('killed', 6);
    await until('a checkpoint', async () => (await checkpoints(run)).length > 0 || undefined);
    signal(run, 'SIGKILL');
    await ended(run);
    assert.ok((await checkpoints(run)).length > 0);
    assert.equal(listed(run)?.state, 'interrupted');

    await startRun(await writeExperiment('after', { steps: 5 }));
    await runInState('after', 'completed');
  }).timeout(120_000);

  it('goes on from its checkpoint when it is resumed', async () => {
    await startRun(await writeExperiment('resumed', { steps: 40, checkpointEvery: 5 }));
    signal(await trained('resumed', 7), 'SIGKILL');
    const [run] = await storedRuns('resumed');
    assert.ok(run);
    await ended(run);
    await vscode.commands.executeCommand('objectiveLab.resumeRun', { run: listed(run) });
    const done = await runInState('resumed', 'completed');
    assert.equal(done.folder, run.folder);
    const steps = (await metricsOf(done)).flatMap(({ step, loss }) => (loss ? [step] : []));
    assert.deepEqual(
      steps,
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
  }).timeout(120_000);

  it('whose trainer hangs is interrupted within five seconds', async () => {
    await startRun(await writeExperiment('frozen', { steps: 100_000, checkpointEvery: 5 }));
    const run = await trained('frozen', 6);
    signal(run, 'SIGSTOP');
    const frozen = performance.now();
    await ended(run);
    assert.ok(performance.now() - frozen < 5_000, `it took ${performance.now() - frozen} ms`);
    assert.equal(listed(run)?.state, 'interrupted');
  }).timeout(90_000);

  it('on a folder without text leaves no run behind, and the next one starts', async () => {
    const before = await readdir(workspaceUri('.objective-lab', 'runs').fsPath).catch((): string[] => []);
    await startRun(workspaceUri('empty', 'nothing.lab.json'));
    const next = await writeExperiment('next', { steps: 5 });
    await until('the run after the failed one', async () => {
      // Refused for as long as the other one is being prepared.
      await startRun(next);
      return (await storedRuns('next'))[0];
    });
    await runInState('next', 'completed');
    const after = await readdir(workspaceUri('.objective-lab', 'runs').fsPath);
    assert.deepEqual(
      after.filter((id) => !before.includes(id)).map((id) => id.replace(/^\d+-\d+-/, '')),
      ['next'],
    );
  }).timeout(90_000);
});

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

const listed = (run: StoredRun): RunSummary | undefined =>
  listRuns(workspaceUri('.objective-lab', 'runs').fsPath).find(({ folder }) => folder === run.folder);

function signal({ name, pid }: StoredRun, signal: NodeJS.Signals): void {
  assert.ok(pid !== undefined, `${name} is trained by nobody`);
  process.kill(pid, signal);
}

const ended = ({ pid }: StoredRun): Promise<boolean> =>
  until('the end of the trainer', () => pid === undefined || !isAlive(pid) || undefined);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
