import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Row } from '../../src/bench/row';
import { readOnnxFile } from '../../src/model/onnx-file';
import { listRuns } from '../../src/train/run';
import { bundle } from './support/bundle';
import { makeWorkspace } from './support/workspace';

const ENCODER = join(process.cwd(), 'test', 'oracle', 'encoder-hand.onnx');

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

describe('objective-lab train --resume', () => {
  it('goes on with a run, says from where, and refuses what would make it another one', async () => {
    const child = spawn(process.execPath, [cli, 'train', 'small.lab.json', '--steps', '400', '--out', 'interrupted'], {
      cwd: workspace.folder,
    });
    const runs = join(workspace.folder, 'interrupted');
    await vi.waitFor(() => expect(listRuns(runs)[0]?.checkpoint).toBeGreaterThan(0), 20_000);
    child.kill('SIGINT');
    await new Promise((resolve) => child.once('exit', resolve));
    const [stopped] = listRuns(runs);
    expect(stopped).toMatchObject({ state: 'stopped' });
    const { status, stdout } = call('train', '--resume', stopped!.folder, '--json');
    expect(status).toBe(0);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.find(({ event }) => event === 'started')).toMatchObject({ from: stopped!.step });
    expect(events.at(-1)).toMatchObject({ event: 'done', run: stopped!.folder, steps: 400 });

    for (const [given, message] of [
      [['train', '--resume', stopped!.folder], /is completed/],
      [['train', 'small.lab.json', '--resume', stopped!.folder], /no experiment/],
      [['train', '--resume', stopped!.folder, '--steps', '3'], /--steps/],
      [['train'], /No experiment is named/],
    ] as const) {
      const refused = call(...given);
      expect(refused.status).toBe(2);
      expect(refused.stderr).toMatch(message);
      expect(refused.stderr.trim().split('\n')).toHaveLength(1);
    }
  });
});

describe('objective-lab runs', () => {
  it('lists the runs of an experiment and of a folder of runs, for people and for programs', () => {
    const { stdout } = call('runs');
    expect(stdout).toMatch(/^run +state +step/);
    expect(stdout).toMatch(/-small +completed +12\/12 .* mlm \d\.\d+ \(3\.15\).* 12$/m);
    const { runs } = JSON.parse(call('runs', join('.objective-lab', 'runs'), '--json').stdout) as { runs: unknown };
    expect(runs).toMatchObject([{ folder: run, state: 'completed', checkpoint: 12 }]);
  });

  it('says that there are none, or no folder', () => {
    expect(call('runs', 'text')).toMatchObject({ status: 0, stdout: `${join(workspace.folder, 'text')} has no runs yet.\n` });
    expect(call('runs', 'nowhere')).toMatchObject({ status: 2, stderr: expect.stringContaining('nowhere is no folder') as string });
  });
});

describe('objective-lab export', () => {
  it('writes a model and says what it is', () => {
    const { status, stdout } = call('export', run, 'model', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ architecture: 'BertForMaskedLM', folder: join(workspace.folder, 'model') });
    const [exported, original] = ['model', run].map((model) => call('mask', model, '--text', 'The [MASK] passed.', '--json').stdout);
    expect(exported).toBe(original);
    expect(call('export', run, 'model')).toMatchObject({ status: 2, stderr: expect.stringContaining('exists already') as string });
    expect(call('export', 'nothing', 'other')).toMatchObject({ status: 2, stderr: expect.stringContaining('no model') as string });
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

describe('the other looks', () => {
  const parsed = (...args: string[]): unknown => {
    const { status, stdout, stderr } = call(...args, '--json');
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout);
  };

  it('tell how surprising the words of a file are, and which most', () => {
    writeFileSync(join(workspace.folder, 'words.txt'), '\uFEFFThe whale passed.\nA gull called the mate.\n');
    const { pseudoPerplexity, pieces, words } = parsed('surprisal', run, 'words.txt') as {
      pseudoPerplexity: number;
      pieces: number;
      words: { text: string; surprisal: number }[];
    };
    expect(words.map(({ text }) => text)).toEqual(['The', 'whale', 'passed', '.', 'A', 'gull', 'called', 'the', 'mate', '.']);
    const nats = words.reduce((sum, { surprisal }) => sum + surprisal, 0);
    expect(Math.log(pseudoPerplexity)).toBeCloseTo(nats / pieces, 6);
    const { stdout } = call('surprisal', run, 'words.txt', '--quick');
    expect(stdout).toMatch(/^pseudo-perplexity \d+\.\d\d over \d+ tokens in 10 words\n\w+ +line [12] +\d/);
  });

  it('show attention, batches, and how sentences lie', () => {
    const { seen } = parsed('attention', run, '--text', 'The whale passed.', '--token', '2') as {
      seen: { token: string; weight: number }[];
    };
    expect(seen.map(({ token }) => token)).toEqual(['the', 'whale', 'passed', '.']);
    expect(parsed('batch', run, '--objective', 'contrastive', '--step', '3')).toMatchObject({ objective: 'contrastive', step: 3 });
    expect(call('batch', run).stdout).toMatch(/Masked language modelling: step \d+, 8 examples.*\n\n1 {2}loss [\d.]+\n {3}input: \[CLS\]/);
    expect(parsed('geometry', run, 'words.txt')).toMatchObject({ uniformity: expect.any(Number) as number });
    const { points } = parsed('map', run, 'words.txt', '--projection', 'pca') as { points: object[] };
    expect(points).toMatchObject([{ text: 'The whale passed.' }, { text: 'A gull called the mate.' }]);
    const { neighbours } = parsed('neighbours', run, '--text', 'The whale watched.', '--root', 'text', '--top', '2') as {
      neighbours: { file: string }[];
    };
    expect(neighbours).toHaveLength(2);
    expect(neighbours[0]!.file).toMatch(/^\d+\.md$/);
  });
});

describe('objective-lab graph', () => {
  it('writes the training step as a model that reads back, and prints it', () => {
    const { status, stdout, stderr } = call('graph', 'small.lab.json', '--out', 'step.onnx', '--print');
    expect(status).toBe(0);
    expect(stderr).toMatch(/step\.onnx: \d+ nodes, \d+\.\d+ GFLOP/);
    expect(stdout).toContain('# mlm/encoder/layer.0/attention');
    expect(stdout).toContain('next:bert.embeddings.word_embeddings.weight');
    const step = readOnnxFile(join(workspace.folder, 'step.onnx'));
    expect([...step.outputs.keys()]).toContain('gradientNorm');
    expect(step.inputs.get('mlm.inputIds')!.shape).toEqual([8, 32]);
  });

  it('prints a model from elsewhere, its open shapes given', () => {
    const { status, stdout } = call('graph', ENCODER, '--print', '--shape', 'input_ids=2x6,attention_mask=2x6');
    expect(status).toBe(0);
    expect(stdout).toMatch(/logits: float32\[2, 6, 41\] = .* @ embedding\.T/);
  });
});

describe('objective-lab probe', () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({ sentence: `${i % 2 ? 'A gull' : 'Our ship'} passed ${i}.`, label: i % 2 }));
  const inline = '{"type":"classification","train":"a.tsv","test":"b.tsv","text":"sentence","label":"label"}';
  beforeAll(() => {
    for (const [name, part] of [
      ['a.tsv', rows.slice(0, 30)],
      ['b.tsv', rows.slice(30)],
    ] as const)
      writeFileSync(
        join(workspace.folder, name),
        ['sentence\tlabel', ...part.map(({ sentence, label }) => `${sentence}\t${label}`)].join('\n'),
      );
    mkdirSync(join(workspace.folder, 'probes'), { recursive: true });
    writeFileSync(join(workspace.folder, 'probes', 'kinds.json'), inline.replace('a.tsv', '../a.tsv').replace('b.tsv', '../b.tsv'));
  });

  it('takes JSON and files, whose paths are their own, and answers with values and intervals', () => {
    const { status, stdout } = call('probe', run, inline, 'probes/kinds.json', '--json');
    expect(status).toBe(0);
    const { probes } = JSON.parse(stdout) as { probes: { metrics: object }[] };
    const interval = { value: expect.any(Number) as number, low: expect.any(Number) as number, high: expect.any(Number) as number };
    for (const probe of probes)
      expect(probe).toMatchObject({
        type: 'classification',
        name: 'classification b',
        examples: 10,
        trained: 30,
        metrics: { accuracy: interval, macroF1: interval },
      });
    expect(probes).toHaveLength(2);
    expect(probes[0]!.metrics).toEqual(probes[1]!.metrics);
    expect(call('probe', run, inline).stdout).toMatch(
      /classification b +accuracy +[\d.]+ +[\d.]+ to [\d.]+ +0\.500 by the commonest label/,
    );
  });

  it.each([
    [['{"type":"classification","train":"a.tsv","text":"sentence","tets":"b.tsv"}'], '`tets` is not a known field. Did you mean'],
    [['{"type":"clasification"}'], 'Did you mean "classification"?'],
    [[inline.replace('a.tsv', 'gone.tsv')], /gone\.tsv does not exist/],
    [[inline.replace('"text":"sentence"', '"text":"words"')], 'there is no column "words"'],
    [['{"type":"clasification"}'], /docs\/probes\.md has every kind/],
    [['nothing'], 'There is no probe "nothing", nor such a file.'],
    [[], 'has no probes'],
  ])('says in a line what is wrong with %j', (probes, message) => {
    const { status, stderr } = call('probe', run, ...probes);
    expect(stderr).toMatch(message);
    expect(
      stderr
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('objective-lab:')),
    ).toHaveLength(1);
    expect(status).toBe(2);
  });
});

describe('objective-lab bench', () => {
  it('gives the rates of matrix products and of steps, and where the time goes', () => {
    const { status, stdout } = call('bench', '--preset', 'tiny', '--seconds', '1', '--json');
    expect(status).toBe(0);
    const { sgemmGflops, rows } = JSON.parse(stdout) as { sgemmGflops: number; rows: Row[] };
    expect(sgemmGflops).toBe(Math.max(...rows.map((row) => row.sgemmGflops)));
    expect(rows.map(({ preset, objectives, threads }) => [preset, objectives, threads])).toEqual([
      ['tiny', 'mlm', 1],
      ['tiny', 'mlm+contrastive', 1],
    ]);
    for (const row of rows) {
      expect(row.efficiency).toBeCloseTo(row.gflops / row.sgemmGflops, 10);
      // FLOP of 6·tokens·12·L·H² + 12·L·tokens·T·H + 6·masked·(H·V + H²) at 2 layers of 128; the contrastive part adds 2 views of 32 × 32 tokens.
      const mlm = 72 * 1024 * 2 * 128 ** 2 + 24 * 1024 * 64 * 128 + 6 * 144 * (128 * 8192 + 128 ** 2);
      const [tokens, flops] = row.objectives === 'mlm' ? [1024, mlm] : [3072, mlm + 72 * 2048 * 2 * 128 ** 2 + 24 * 2048 * 32 * 128];
      expect((row.gflops * tokens) / row.tokensPerSecond).toBeCloseTo(flops / 1e9, 6);
      expect(row.executedGflops).toBeLessThan(row.gflops);
      expect(row.peakMemoryMB).toBeGreaterThan(50);
      expect(Object.values(row.operators).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
      expect(Object.keys(row.operators)[0]).toBe('Gemm');
    }
  }, 60_000);
});

describe('mistakes', () => {
  beforeAll(() => mkdirSync(join(workspace.folder, 'empty')));

  it.each([
    ['an unknown command', ['explode'], /explode/],
    ['an unknown option', ['train', 'small.lab.json', '--fast'], /--fast/],
    ['steps that are no number', ['train', 'small.lab.json', '--steps', 'many'], /whole number/],
    ['an experiment that is missing', ['train', 'nothing.lab.json'], /nothing\.lab\.json cannot be read/],
    ['a device that does not load', ['train', 'small.lab.json', '--device', 'cuda'], /"cuda" cannot be used/],
    ['a model that is missing', ['mask', 'nowhere', '--text', '[MASK]'], /There is no model at/],
    ['a text without a mask', ['mask', '<run>', '--text', 'no mask'], /no \[MASK\]/],
    ['a size that is none', ['bench', '--preset', 'tiny,huge'], /no size "huge"/],
    ['a graph that nobody wants', ['graph', 'small.lab.json'], /Nothing was asked for/],
    ['shapes for an experiment', ['graph', 'small.lab.json', '--print', '--shape', 'a=1'], /small\.lab\.json is an experiment.*--shape/],
    [
      'a shape of an input that is not there',
      ['graph', ENCODER, '--print', '--shape', 'input_ids=2x6,attention_mask=2x6,places=2x6'],
      /no input "places"\. Its inputs are input_ids, attention_mask\./,
    ],
    ['a shape that is none', ['graph', 'step.onnx', '--print', '--shape', 'input_ids'], /input_ids=2x8/],
    ['a file that is missing', ['similarity', '<run>', 'nothing.txt'], /nothing\.txt cannot be read/],
    ['a step that is none', ['batch', '<run>', '--step', '-1'], /whole number of at least 0/],
    ['a head that there is not', ['attention', '<run>', '--text', 'whale', '--head', '9'], /has \d+ attention heads, and head 9/],
    ['a folder that is missing', ['neighbours', '<run>', '--text', 'whale', '--root', 'nowhere'], /nowhere is no folder/],
    ['a folder without text', ['neighbours', '<run>', '--text', 'whale', '--root', 'empty'], /no text file with a sentence/],
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
