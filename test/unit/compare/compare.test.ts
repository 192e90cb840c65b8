import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readPlan } from '../../../src/compare/plan';
import { readRecord } from '../../../src/compare/record';
import { ComparisonReport } from '../../../src/shared/comparison-types';
import { listRuns } from '../../../src/train/run';
import { bundle } from '../support/bundle';
import { makeWorkspace } from '../support/workspace';

let cli: string;
let workspace: ReturnType<typeof makeWorkspace>;

const mlm = { type: 'mlm', batchSize: 8, sequenceLength: 32 };
const probe = { type: 'similarity', name: 'alike', file: 'pairs.tsv' };
const comparison = {
  experiment: 'small.lab.json',
  variants: [{ name: 'MLM' }, { name: 'MLM, hardly', change: { training: { learningRate: 1e-9 } } }],
  budget: { tokens: 40 * 8 * 32 },
  probeEvery: 0.25,
  seeds: 2,
  probes: [probe],
};

const call = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', cwd: workspace.folder });
const events = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const write = (name: string, contents: object): void => writeFileSync(join(workspace.folder, name), JSON.stringify(contents));
const folderOf = (name: string): string => join(workspace.folder, '.objective-lab', 'comparisons', name);

beforeAll(async () => {
  cli = await bundle('cli');
  workspace = makeWorkspace({ objectives: [mlm] });
  const pairs = Array.from(
    { length: 24 },
    (_, i) =>
      `the whale ${i % 3 ? 'feared' : 'passed'} our ship at dawn\tthe whale ${i % 2 ? 'feared' : 'watched'} a gull ${i % 5 ? 'at dawn' : 'in the night'}\t${i % 7}`,
  );
  writeFileSync(join(workspace.folder, 'pairs.tsv'), ['a\tb\tscore', ...pairs, ''].join('\n'));
  write('small.compare.json', comparison);
});
afterAll(() => {
  rmSync(cli);
  workspace.remove();
});

describe('objective-lab compare', () => {
  it('shows what it would do, and does nothing', () => {
    const { status, stdout } = call('compare', 'small.compare.json', '--dry-run', '--json');
    expect(status).toBe(0);
    expect(events(stdout).at(-1)).toMatchObject({
      event: 'plan',
      plan: {
        variants: [{ steps: 40, tokens: 10_240, memory: expect.any(Number) as number }, { steps: 40 }],
        members: [{ id: 'mlm-seed1' }, { id: 'mlm-seed2' }, {}, {}],
      },
      files: { 'members.txt': expect.stringContaining('"--member" "mlm-seed1"') as string },
    });
    expect(existsSync(folderOf('small'))).toBe(false);
  });

  it('trains every member as an ordinary run, measures it, and reports', () => {
    const { status, stdout } = call('compare', 'small.compare.json', '--json');
    expect(status).toBe(0);
    const last = events(stdout).at(-1)!;
    expect(last.event).toBe('report');
    const report = ComparisonReport.parse(last);
    expect(report.members.map(({ id, state }) => [id, state])).toEqual([
      ['mlm-seed1', 'done'],
      ['mlm-seed2', 'done'],
      ['mlm-hardly-seed1', 'done'],
      ['mlm-hardly-seed2', 'done'],
    ]);
    expect(report.cells.map(({ result }) => result!.values.length)).toEqual([2, 2]);
    expect(report.pairs).toHaveLength(1);
    expect(report.curves.map(({ points }) => points.at(-1)!.step)).toEqual([40, 40]);
    const probed = report.curves.map(({ points }) => points.flatMap(({ step, values }) => (values.alike === undefined ? [] : [step])));
    expect(probed).toEqual([
      [10, 20, 30, 40],
      [10, 20, 30, 40],
    ]);
    expect(report.variants[0]!.seconds).toBeGreaterThan(0);
    const { runs } = JSON.parse(call('runs', join(folderOf('small'), 'runs'), '--json').stdout) as {
      runs: { state: string; steps: number }[];
    };
    expect(runs.map(({ state, steps }) => [state, steps])).toEqual(Array.from({ length: 4 }, () => ['completed', 40]));
    const page = readFileSync(join(folderOf('small'), 'report.md'), 'utf8');
    expect(page).toMatch(/\| MLM \| .*\[[12]\] \|/);
    for (const [, picture] of page.matchAll(/!\[.*\]\((.*)\)/g)) expect(existsSync(join(folderOf('small'), picture!))).toBe(true);
    // The same seed gives the same model whoever trains it.
    const [one] = listRuns(join(folderOf('small'), 'runs')).filter(({ name }) => name === 'mlm-seed1');
    const alone = call('train', 'small.lab.json', '--steps', '40', '--json');
    expect((events(alone.stdout).at(-1)!.eval as { mlm: number }).mlm).toBe(one!.eval!.mlm);
  });

  it('does not begin again what has begun, nor go on with what has changed', () => {
    expect(call('compare', 'small.compare.json')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/begun already: 4 of 4/) as string,
    });
    write('changed.compare.json', { ...comparison, name: 'small', budget: { tokens: 9999 }, seeds: 3 });
    const { status, stderr } = call('compare', 'changed.compare.json');
    expect(status).toBe(2);
    expect(stderr).toMatch(/budget, seeds changed/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('says what a budget is too small for', () => {
    write('poor.compare.json', { ...comparison, budget: { flops: 1000 } });
    expect(call('compare', 'poor.compare.json')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/pays for 0 steps of "MLM"/) as string,
    });
  });

  it.each([
    [{ file: 'gone.tsv' }, /Probe "alike": .*gone\.tsv does not exist/],
    [{ a: 'first' }, /Probe "alike": .*pairs\.tsv:2: there is no column "first"/],
  ])('misses what a probe %j needs before it trains anything', (change, message) => {
    write('missing.compare.json', { ...comparison, probes: [{ ...probe, ...change }] });
    expect(call('compare', 'missing.compare.json')).toMatchObject({ status: 2, stderr: expect.stringMatching(message) as string });
    expect(existsSync(folderOf('missing'))).toBe(false);
  });

  it('goes on where it was interrupted and where a member was killed, and leaves alone what is done', { timeout: 60_000 }, async () => {
    write('long.compare.json', { ...comparison, budget: { tokens: 500 * 8 * 32 }, seeds: 1, executor: { kind: 'local', workers: 1 } });
    const folder = folderOf('long');
    const child = spawn(process.execPath, [cli, 'compare', 'long.compare.json'], { cwd: workspace.folder, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    const step = (id: string): number => (existsSync(join(folder, 'plan.json')) ? readRecord(folder, id).step : 0);
    const stateOf = (id: string): string => readRecord(folder, id).state;
    // The first is killed: it has failed, and the second goes on.
    await vi.waitFor(() => expect(step('mlm-seed1')).toBeGreaterThan(0), 20_000);
    process.kill(readRecord(folder, 'mlm-seed1').owner!.pid, 'SIGKILL');
    await vi.waitFor(() => expect(stateOf('mlm-seed1')).toBe('failed'), 5000);
    expect(readRecord(folder, 'mlm-seed1').message).toMatch(/SIGKILL/);
    await vi.waitFor(() => expect(step('mlm-hardly-seed1')).toBeGreaterThan(0), 20_000);
    child.kill('SIGINT');
    expect(await ended).toBe(1);
    expect(stateOf('mlm-hardly-seed1')).toBe('waiting');
    const before = listRuns(join(folder, 'runs'));
    expect(before.find(({ name }) => name === 'mlm-hardly-seed1')).toMatchObject({ state: 'stopped' });

    expect(call('compare', 'long.compare.json', '--resume').status).toBe(0);
    const after = listRuns(join(folder, 'runs'));
    expect(after.map(({ id, state }) => [id, state])).toEqual(before.map(({ id }) => [id, 'completed']));
    expect(readPlan(folder).members.every(({ id }) => stateOf(id) === 'done')).toBe(true);

    const times = (): number[] => readdirSync(join(folder, 'members')).map((name) => statSync(join(folder, 'members', name)).mtimeMs);
    const written = times();
    expect(call('compare', folder, '--resume').status).toBe(0);
    expect(times()).toEqual(written);
    expect(listRuns(join(folder, 'runs'))).toEqual(after);
  });
});
