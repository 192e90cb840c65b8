import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { objectives } from '../../../src/objectives';
import { bundle } from '../support/bundle';
import { makeWorkspace } from '../support/workspace';

let cli: string;
let workspace: ReturnType<typeof makeWorkspace>;

function call(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [cli, ...args], { cwd: workspace.folder, encoding: 'utf8', env: { ...process.env, COLUMNS: '100' } });
}

beforeAll(async () => {
  cli = await bundle('cli');
  workspace = makeWorkspace({ training: { steps: 3, device: 'cpu', threads: 1, evaluateEvery: 3, checkpointEvery: 3 } });
  mkdirSync(join(workspace.folder, 'several'));
  const small = JSON.stringify({
    corpus: { root: '..', include: ['text/*.md'], heldOut: 0.2 },
    tokenizer: { vocabularySize: 200 },
    model: { layers: 1, hiddenSize: 32, attentionHeads: 2, maxPositions: 64 },
    objectives: [{ type: 'sop', batchSize: 4, sequenceLength: 32 }],
    training: { steps: 2, device: 'cpu', threads: 1 },
  });
  writeFileSync(join(workspace.folder, 'several', 'b.lab.json'), small);
  writeFileSync(join(workspace.folder, 'several', 'a-wrong.lab.json'), small.replace('text/*.md', 'nothing/*.md'));
  renameSync(workspace.experiment, join(workspace.folder, 'both.lab.json'));
});
afterAll(() => {
  rmSync(cli);
  workspace.remove();
});

describe('objective-lab objectives', () => {
  it('lists every objective for people and for programs', () => {
    const { status, stdout } = call('objectives');
    expect(status).toBe(0);
    for (const { title, papers } of objectives) {
      expect(stdout).toContain(title);
      expect(stdout.replace(/\s+/g, ' ')).toContain(papers[0]);
    }
    const { objectives: listed } = JSON.parse(call('objectives', '--json').stdout) as { objectives: { type: string; options: object[] }[] };
    expect(listed.map(({ type }) => type)).toEqual(objectives.map(({ type }) => type));
    expect(listed[0]!.options).toContainEqual(expect.objectContaining({ name: 'batchSize', type: 'integer', default: 32 }));
  });

  it('explains the options of one, and names the others when there is no such one', () => {
    const { stdout } = call('objectives', 'contrastive');
    expect(stdout).toContain('{ "from": "pairs", … }');
    expect(stdout).not.toContain('Masked language modelling');
    const { status, stderr } = call('objectives', 'explode');
    expect(status).toBe(2);
    expect(stderr).toMatch(/no objective "explode".*mlm, contrastive/);
  });
});

describe('objective-lab train', () => {
  it('ends with each objective against its baseline', () => {
    const { status, stdout } = call('train', 'both.lab.json');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^mlm +loss +\d\.\d{3} +word frequencies alone +\d\.\d{3} +[+-]?\d\.\d{3} +(not )?beaten$/m);
    expect(stdout).toMatch(/^contrastive +retrieval +0\.143 +chance/m);
  });

  it('runs several experiments and a folder of them, goes on past one that fails, and ends with one table', () => {
    const { status, stdout, stderr } = call('train', 'several', 'both.lab.json', '--out', 'runs');
    expect(status).toBe(2);
    expect(stderr).toMatch(/nothing\/\*\.md/);
    const table = stdout.slice(stdout.lastIndexOf('\nexperiment '));
    expect(table).toMatch(/^a-wrong +failed/m);
    expect(table).toMatch(/^b +sop +accuracy +0\.500 +chance/m);
    expect(table).toMatch(/^both +mlm +loss/m);
    expect(table).toMatch(/^both +contrastive +retrieval/m);
  });

  it('says the same in JSON, each line with its experiment', () => {
    const { status, stdout } = call('train', 'several', 'both.lab.json', '--json');
    expect(status).toBe(2);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; experiment?: string; experiments?: object[] });
    const wrong = join('several', 'a-wrong.lab.json');
    expect(lines.filter(({ event }) => event === 'failed')).toMatchObject([{ experiment: wrong }]);
    expect(lines.slice(0, -1).every(({ experiment }) => experiment !== undefined)).toBe(true);
    expect(lines.at(-1)).toMatchObject({
      event: 'results',
      experiments: [
        { experiment: wrong, error: expect.stringContaining('nothing/*.md') as string },
        { experiment: join('several', 'b.lab.json'), results: [{ objective: 'sop', name: 'accuracy', value: 0.5 }] },
        { experiment: 'both.lab.json', results: [{ objective: 'mlm' }, { objective: 'contrastive' }] },
      ],
    });
  });

  it('names a folder without experiments', () => {
    const { status, stderr } = call('train', 'text');
    expect(status).toBe(2);
    expect(stderr).toMatch(/text holds no experiment/);
  });
});

describe('objective-lab export', () => {
  it('writes a folder and names its files, and writes over none', () => {
    const { run } = JSON.parse(call('train', 'both.lab.json', '--json').stdout.trim().split('\n').at(-1)!) as { run: string };
    const { status, stdout } = call('export', run, 'model', '--json');
    expect(status).toBe(0);
    const files = ['config.json', 'model.safetensors', 'onnx/model.onnx', 'README.md', 'tokenizer.json'];
    expect(JSON.parse(stdout)).toMatchObject({ architecture: 'BertForMaskedLM', folder: join(realpathSync(workspace.folder), 'model') });
    expect((JSON.parse(stdout) as { files: string[] }).files).toEqual(expect.arrayContaining(files));
    for (const name of files) expect(existsSync(join(workspace.folder, 'model', name))).toBe(true);
    expect(call('mask', 'model', '--text', 'the [MASK] sea', '--json').stdout).toBe(
      call('mask', run, '--text', 'the [MASK] sea', '--json').stdout,
    );
    const again = call('export', run, 'model');
    expect(again.status).toBe(2);
    expect(again.stderr).toMatch(/model exists already/);
    expect(call('export', run, 'other', '--format', 'pickle').status).toBe(2);
    expect(call('export', 'nothing', 'other').stderr).toMatch(/no model at/);
    expect(readdirSync(workspace.folder).filter((name) => /other|partial/.test(name))).toEqual([]);
  });
});
