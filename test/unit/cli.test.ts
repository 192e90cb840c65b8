import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './support/bundle';
import { makeWorkspace } from './support/workspace';

let cli: string;
let run: string;
let workspace: ReturnType<typeof makeWorkspace>;
let trained: { status: number | null; lines: Record<string, unknown>[] };

const call = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', cwd: workspace.folder });

beforeAll(async () => {
  cli = await bundle('cli');
  workspace = makeWorkspace();
  const { status, stdout } = call('train', 'small.lab.json', '--json');
  trained = {
    status,
    lines: stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
  run = trained.lines.at(-1)?.run as string;
});
afterAll(() => {
  rmSync(cli);
  workspace.remove();
});

describe('objective-lab train', () => {
  it('prints one JSON object a line, the last with the run, its losses and its evaluation', () => {
    expect(trained.status).toBe(0);
    expect(trained.lines.every(({ event }) => typeof event === 'string')).toBe(true);
    const number = expect.any(Number) as number;
    expect(trained.lines.at(-1)).toMatchObject({
      event: 'done',
      run: expect.stringContaining(join('.objective-lab', 'runs')) as string,
      steps: 12,
      loss: { mlm: number, contrastive: number, total: number },
      eval: { mlm: number, contrastive: number, unigram: number },
    });
  });

  it('takes steps and a folder for runs, and shows progress for people', () => {
    const { status, stdout } = call('train', 'small.lab.json', '--steps', '2', '--out', 'elsewhere');
    expect(status).toBe(0);
    expect(stdout).toMatch(/Completed after 2 steps/);
    expect(stdout).toContain(join(workspace.folder, 'elsewhere'));
  });
});

describe('objective-lab mask', () => {
  it('gives one list of candidates for each mask', () => {
    const { status, stdout } = call('mask', run, '--text', 'The [MASK] watched the [MASK].', '--top', '3', '--json');
    expect(status).toBe(0);
    const { predictions } = JSON.parse(stdout) as { predictions: { token: string; probability: number }[][] };
    expect(predictions.map((list) => list.length)).toEqual([3, 3]);
    expect(Object.keys(predictions[0]![0]!)).toEqual(['token', 'probability']);
  });
});

describe('objective-lab similarity', () => {
  it('compares the units of a file', () => {
    writeFileSync(join(workspace.folder, 'lines.txt'), 'The whale passed.\nA gull called.\n\nThe whale passed.\n');
    const { status, stdout } = call('similarity', run, 'lines.txt', '--unit', 'line', '--json');
    expect(status).toBe(0);
    const { units, matrix } = JSON.parse(stdout) as { units: string[]; matrix: number[][] };
    expect(units).toEqual(['The whale passed.', 'A gull called.', 'The whale passed.']);
    expect(matrix[0]![2]).toBeCloseTo(1, 4);
  });
});

describe('mistakes', () => {
  it.each([
    ['an unknown command', ['explode'], /explode/],
    ['an unknown option', ['train', 'small.lab.json', '--fast'], /--fast/],
    ['steps that are no number', ['train', 'small.lab.json', '--steps', 'many'], /whole number/],
    ['an experiment that is missing', ['train', 'nothing.lab.json'], /nothing\.lab\.json cannot be read/],
    ['a device that does not load', ['train', 'small.lab.json', '--device', 'cuda'], /"cuda" cannot be used/],
    ['a model that is missing', ['mask', 'nowhere', '--text', '[MASK]'], /There is no model at/],
    ['a text without a mask', ['mask', '<run>', '--text', 'no mask'], /no \[MASK\]/],
    ['a file that is missing', ['similarity', '<run>', 'nothing.txt'], /nothing\.txt cannot be read/],
  ])('%s exits with 2 and one clear line', (_, args, message) => {
    const { status, stderr } = call(...args.map((arg) => (arg === '<run>' ? run : arg)));
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('name the position in an experiment that is wrong', () => {
    mkdirSync(join(workspace.folder, 'wrong'));
    writeFileSync(
      join(workspace.folder, 'wrong', 'wrong.lab.json'),
      '{\n  "objectives": [{ "type": "mlm", "rate": 7 }],\n  "trainig": {}\n}\n',
    );
    const { status, stderr } = call('train', join('wrong', 'wrong.lab.json'));
    expect(status).toBe(2);
    expect(stderr).toMatch(/wrong\.lab\.json:2:\d+.*objectives\[0\]\.rate/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
