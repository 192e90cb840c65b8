import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'jsonc-parser';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ExecutorContext } from '../../../src/compare/executor';
import { SlurmExecutor } from '../../../src/compare/executors/slurm';
import type { SlurmOptions } from '../../../src/compare/executors/slurm-script';
import { writeRecord } from '../../../src/compare/record';
import { due } from '../../../src/compare/run';
import { ComparisonSchema, Executor } from '../../../src/experiment/comparison';

// What takes a cluster is in test/slurm.
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'slurm-'))));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const options = (given: object = {}): SlurmOptions => Executor.parse({ kind: 'slurm', ...given }) as SlurmOptions;
const context = (): ExecutorContext => ({
  folder,
  command: (member) => ['/usr/bin/node', 'cli.js', member],
  tell: () => undefined,
  warn: () => undefined,
  signal: new AbortController().signal,
});

it('says where to go when Slurm is not there, and remembers no job', async () => {
  vi.stubEnv('PATH', folder);
  const run = new SlurmExecutor(options()).run(['a-1'], context());
  await expect(run).rejects.toMatchObject({ name: 'UserError', message: "Slurm's sbatch is not on this machine.", code: 'executor' });
  // Nothing is thought to be in the queue, which could not be asked either.
  await expect(new SlurmExecutor(options()).run(['a-1'], context())).rejects.toThrow('sbatch');
});

it('takes the Node of the workers in place of its own', () => {
  const scripts = new SlurmExecutor(options({ node: '/opt/node 22/bin/node' })).dryRun(['a-1'], context());
  expect([...scripts.values()][0]).toContain("  0) exec '/opt/node 22/bin/node' cli.js a-1 ;;\n");
});

it('does not guess at jobs that cannot be read', async () => {
  mkdirSync(join(folder, 'slurm'));
  writeFileSync(join(folder, 'slurm', 'jobs.json'), '{"arrays": [');
  await expect(new SlurmExecutor(options()).run(['a-1'], context())).rejects.toMatchObject({
    hint: expect.stringContaining('squeue') as string,
  });
});

it('the comparison that docs/executors.md shows passes the checks', () => {
  const [, text] = /```jsonc\n(\{\n.*?)```/s.exec(readFileSync('docs/executors.md', 'utf8')) ?? [];
  expect(ComparisonSchema.parse(parse(text!)).executor).toMatchObject({ kind: 'slurm', partition: 'gpu', gpus: 1 });
});

it('a member that says it runs on another node is given to Slurm again, which knows whether it does; no other executor could', () => {
  const members = ['a-1', 'b-1', 'c-1', 'd-1'].map((id) => ({ id, variant: id, seed: 1 }));
  const record = { step: 1, seconds: 1, outcomes: [] };
  writeRecord(folder, { ...record, id: 'a-1', state: 'running', owner: { pid: 1, host: 'a node that failed' } });
  writeRecord(folder, { ...record, id: 'b-1', state: 'done' });
  writeRecord(folder, { ...record, id: 'c-1', state: 'failed', code: 'diverged' });
  expect(due(folder, { members, executor: options() })).toEqual(['a-1', 'd-1']);
  expect(due(folder, { members, executor: { kind: 'local' } })).toEqual(['d-1']);
});
