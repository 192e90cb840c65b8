import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ExecutorContext } from '../../src/compare/executor';
import { SlurmExecutor } from '../../src/compare/executors/slurm';
import { cancel, terminate } from '../../src/compare/executors/slurm-commands';
import { Executor } from '../../src/experiment/comparison';
import type { SlurmOptions } from '../../src/compare/executors/slurm-script';

/** A member: what the shell does after it has said that it runs. `$1` is its name, `$2` the word that it leaves. */
const MEMBER = `
const [member, script] = process.argv.slice(2);
const { appendFileSync, renameSync, writeFileSync } = require('node:fs');
const say = (state) => { writeFileSync('members/' + member + '.new', JSON.stringify({ state })); renameSync('members/' + member + '.new', 'members/' + member + '.json'); };
say('running');
appendFileSync('starts.txt', member + '\\n');
console.log(member + ' begins');
if (script === 'done') say('done');
if (script === 'fail') { say('failed'); process.exit(1); }
if (script === 'vanish') { console.log('no space left'); process.exit(3); }
if (script === 'stop-first' && require('node:fs').readFileSync('starts.txt', 'utf8').split(member).length > 2) say('done');
if (script === 'wait') {
  setInterval(() => undefined, 1000);
  process.on('SIGTERM', () => { writeFileSync('checkpoint-' + member, ''); process.exit(0); });
}
`;

let folder: string;
let told: string[];
let controller: AbortController;

beforeEach(() => {
  // Blanks and quotes are what shells and sbatch stumble over.
  folder = join(mkdtempSync(join(tmpdir(), 'slurm-test-')), `two "words' here`);
  for (const name of ['members', 'runs']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'member.cjs'), MEMBER);
  told = [];
  controller = new AbortController();
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true, maxRetries: 3 }));

const context = (scripts: Readonly<Record<string, string>>): ExecutorContext => ({
  folder,
  command: (member) => [process.execPath, join(folder, 'member.cjs'), member, scripts[member] ?? 'done'],
  tell: (message) => told.push(message),
  warn: (message) => told.push(message),
  signal: controller.signal,
});
const executor = (options: Partial<SlurmOptions> = {}): SlurmExecutor =>
  new SlurmExecutor(Executor.parse({ kind: 'slurm', ...options }) as SlurmOptions, { poll: 100, grace: 20_000 });
const stateOf = (member: string): unknown =>
  (JSON.parse(readFileSync(join(folder, 'members', `${member}.json`), 'utf8')) as { state: unknown }).state;
const starts = (): string[] => readFileSync(join(folder, 'starts.txt'), 'utf8').trim().split('\n').sort();
const queue = (): string => execFileSync('squeue', ['--noheader'], { encoding: 'utf8' });
const running = (member: string): Promise<void> => vi.waitFor(() => expect(stateOf(member)).toBe('running'), { timeout: 15_000 });

describe('members as a job array', () => {
  it('trains all and keeps their output', async () => {
    await executor({ partition: 'lab', cpus: 1, atOnce: 2, time: '00:05:00' }).run(['a-1', "b's"], context({}));
    expect([stateOf('a-1'), stateOf("b's")]).toEqual(['done', 'done']);
    const logs = readdirSync(join(folder, 'logs')).sort();
    expect(logs).toEqual([expect.stringMatching(/^\d+_0\.out$/), expect.stringMatching(/^\d+_1\.out$/)]);
    expect(readFileSync(join(folder, 'logs', logs[1]!), 'utf8')).toBe("b's begins\n");
    expect(told[0]).toMatch(/^Slurm's job \d+: 2 members\.$/);
  });

  it('shows by a dry run what it would submit, and submits nothing', () => {
    const scripts = executor({ gpus: 1, memory: '4G', options: ['--account=lab', '--comment=a "b"'] }).dryRun(['a-1', 'b-1'], context({}));
    expect([...scripts.keys()]).toEqual([expect.stringMatching(/^slurm\/.+\.sh$/)]);
    const script = [...scripts.values()][0]!;
    for (const line of ['--array=0-1', '--gres=gpu:1', '--mem=4G', '--account=lab', '"--comment=a \\"b\\""', '--signal=B:TERM@60'])
      expect(script).toContain(`#SBATCH ${line}\n`);
    expect(script).toContain("member.cjs' b-1 done ;;");
    expect(readdirSync(folder).sort()).toEqual(['member.cjs', 'members', 'runs']);
    expect(queue()).toBe('');
  });

  it('leaves a member that failed to whoever resumes, and then submits it alone', async () => {
    await executor().run(['a-1', 'b-1'], context({ 'b-1': 'fail' }));
    expect([stateOf('a-1'), stateOf('b-1')]).toEqual(['done', 'failed']);
    expect(starts()).toEqual(['a-1', 'b-1']);
    await executor().run(['b-1'], context({}));
    expect(stateOf('b-1')).toBe('done');
    expect(starts()).toEqual(['a-1', 'b-1', 'b-1']);
  });

  it('submits a member again that was told to stop before it was done', async () => {
    await executor().run(['a-1'], context({ 'a-1': 'stop-first' }));
    expect(stateOf('a-1')).toBe('done');
    expect(starts()).toEqual(['a-1', 'a-1']);
    expect(told).toContain("a-1: Slurm's job ended with COMPLETED; it is submitted again.");
  });

  it('tells the last words of a member that ended without word', async () => {
    await executor().run(['a-1'], context({ 'a-1': 'vanish' }));
    expect(told.at(-1)).toMatch(/^a-1: Slurm's job ended with FAILED; its last words are "no space left" \(logs\/\d+_0\.out\)\.$/);
    expect(starts()).toEqual(['a-1']);
  });
});

describe('stopping', () => {
  it('lets members that run write a checkpoint, and those that wait never start', async () => {
    const done = executor({ atOnce: 1 }).run(['a-1', 'b-1'], context({ 'a-1': 'wait', 'b-1': 'wait' }));
    await running('a-1');
    controller.abort();
    await done;
    expect(existsSync(join(folder, 'checkpoint-a-1'))).toBe(true);
    expect(starts()).toEqual(['a-1']);
    expect(queue()).toBe('');
  });

  it('members go on without the process that submitted them, and the next one watches them', async () => {
    const first = context({ 'a-1': 'wait' });
    void executor().run(['a-1'], first);
    await running('a-1');
    // The first process is as good as gone: nobody aborts it. A second one finds the job by the folder alone.
    const again = executor().run(['a-1'], { ...first, tell: (message) => told.push(`second: ${message}`) });
    await vi.waitFor(() => expect(told).toContain("second: 1 of the members are in Slurm's queue already."));
    controller.abort();
    await again;
    expect(starts()).toEqual(['a-1']);
    expect(existsSync(join(folder, 'checkpoint-a-1'))).toBe(true);
  });
});

it('tasks that have ended since they were seen need no stopping; what else Slurm complains of is told', async () => {
  const task = (job: string) => ({ name: 'comparison', job, task: 0, state: 'RUNNING', reason: 'None' });
  for (const end of [cancel, terminate]) {
    await expect(end([task('999999'), task('999998')])).resolves.toBeUndefined();
    await expect(end([task('no job'), task('999999')])).rejects.toThrow(/scancel failed/);
  }
});

describe('mistakes name the way out', () => {
  it('a partition that is not there', async () => {
    await expect(executor({ partition: 'gpu' }).run(['a-1'], context({}))).rejects.toMatchObject({
      message: expect.stringContaining('invalid partition') as string,
      hint: `The cluster's partitions are lab: choose one in "executor.partition".`,
      code: 'executor',
    });
    expect(JSON.parse(readFileSync(join(folder, 'slurm', 'jobs.json'), 'utf8'))).toEqual({ arrays: [] });
  });

  it('more than the nodes have', async () => {
    await expect(executor({ gpus: 4 }).run(['a-1'], context({}))).rejects.toMatchObject({
      hint: expect.stringContaining('Ask for less') as string,
    });
  });

  it('a folder that the workers do not see', async () => {
    // The folder is gone by the time the job begins, which is how it looks on a node that does not mount it.
    const done = executor({ options: ['--begin=now+1'] }).run(['a-1'], context({}));
    await vi.waitFor(() => expect(told[0]).toMatch(/^Slurm's job/));
    rmSync(folder, { recursive: true });
    await expect(done).rejects.toMatchObject({ message: expect.stringContaining('do not see') as string });
  });
});
