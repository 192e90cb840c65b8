import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { GpuResult } from '../../../../src/bench/gpu/result';
import { bundle } from '../../support/bundle';

const folder = mkdtempSync(join(tmpdir(), 'bench-gpu-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('the folder for a GPU measures everything on the processor too, moved elsewhere, with no variables and nothing installed', async () => {
  const cli = await bundle('cli');
  const made = join(folder, 'made');
  try {
    const make = spawnSync(process.execPath, ['bench/gpu/make.mjs', made, '--program', cli], { encoding: 'utf8' });
    expect({ status: make.status, stderr: make.stderr }).toEqual({ status: 0, stderr: '' });
  } finally {
    rmSync(cli);
  }
  const moved = join(folder, 'moved elsewhere');
  renameSync(made, moved);
  const out = join(folder, 'numbers.json');
  const seconds = 90;
  const { status, stdout } = spawnSync(join(moved, 'run.sh'), ['--device', 'cpu', '--seconds', String(seconds), '--out', out], {
    encoding: 'utf8',
    cwd: '/',
    env: { TMPDIR: folder, PYTHON: '/nowhere/python3' },
  });
  expect(status).toBe(0);
  const result = JSON.parse(readFileSync(out, 'utf8')) as GpuResult & { took: number };
  expect(result.took).toBeLessThan(seconds);
  // The processor is its own reference: K steps a run are K steps.
  expect(result.parity).toMatchObject([{ precision: 'fp32', steps: 5, difference: 0 }, { precision: 'bf16' }]);
  expect(result.bars[0]).toMatchObject({
    holds: true,
    measured: expect.stringMatching(/^tiny, 5 steps: fp32 0\.000 %, bf16 0\.\d+ %$/) as string,
  });
  const ours = result.speeds.filter(({ program }) => program === 'ours');
  expect(ours.map(({ precision }) => precision)).toEqual(['bf16', 'fp32']);
  for (const row of ours) {
    expect(Object.keys(row.sweep!)).toEqual(['1', '2']);
    expect(row.millisecondsPerStep).toBeGreaterThan(0);
    expect(stdout).toContain(row.millisecondsPerStep!.toFixed(2));
  }
  expect(result.parts.find(({ part }) => part.endsWith('PyTorch eager'))).toMatchObject({
    why: 'PyTorch cannot be asked: spawnSync /nowhere/python3 ENOENT. Name a Python that has it by --python.',
  });
  expect(result.graphs.map(({ precision }) => precision)).toEqual(['fp32', 'tf32', 'bf16']);
  expect(readdirSync(folder).sort()).toEqual(['moved elsewhere', 'numbers.json']);
}, 120_000);
