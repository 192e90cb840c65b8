import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeNotebook, parseNotebook, writeNotebook } from '../../../src/notebook/ipynb';
import { VIEW_MIME, View } from '../../../src/shared/views';
import { bundle } from '../support/bundle';

const SAMPLES = readdirSync('samples/notebooks').filter((name) => name.endsWith('.ipynb'));

let cli: string;
let folder: string;

const call = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [cli, 'notebook', ...args], { encoding: 'utf8', cwd: folder });

const write = (name: string, ...cells: string[]): void =>
  writeFileSync(join(folder, name), writeNotebook(makeNotebook(cells.map((text) => ({ kind: 'code', text })))));

interface Written {
  readonly execution_count: number | null;
  readonly outputs: {
    readonly output_type: string;
    readonly data?: Record<string, unknown>;
    readonly text?: string[];
    readonly traceback?: string[];
  }[];
}
const outputsOf = (name: string): Written[] => parseNotebook(readFileSync(join(folder, name), 'utf8'), name).cells as unknown as Written[];

beforeAll(async () => {
  // The command finds the kernel beside itself.
  const place = `notebook-${process.pid}`;
  await bundle('kernel', join(place, 'kernel'));
  cli = await bundle('cli', join(place, 'cli'));
  folder = mkdtempSync(join(tmpdir(), 'objective-lab-notebook-'));
  cpSync('samples/notebooks', join(folder, 'notebooks'), { recursive: true, filter: (path) => !path.includes('.objective-lab') });
  cpSync('samples/moby-dick', join(folder, 'moby-dick'), { recursive: true });
});
afterAll(() => {
  rmSync(dirname(cli), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
});

describe('objective-lab notebook', () => {
  it('runs the cells in order and writes a notebook with their outputs', () => {
    write('good.ipynb', "console.log('hello');\nconst x: number = 2;", 'lab.table([{ x }])');
    const { status, stdout } = call('good.ipynb', '--out', 'out.ipynb');
    expect(status).toBe(0);
    expect(stdout).toMatch(/1 of 2: console\.log.*\nhello\n/);
    const [first, second] = outputsOf('out.ipynb');
    expect(first).toMatchObject({ execution_count: 1, outputs: [{ output_type: 'stream', text: ['hello\n'] }] });
    expect(second!.outputs[0]!.data).toMatchObject({ [VIEW_MIME]: { kind: 'table' }, 'text/html': expect.any(Array) as string[] });
    expect(outputsOf('good.ipynb')[0]).toMatchObject({ execution_count: null, outputs: [] });
  });

  it('measures models and runs comparisons, whose members are processes of their own', () => {
    const experiment = {
      corpus: { root: 'moby-dick', include: ['00*.md'] },
      tokenizer: { vocabularySize: 500 },
      model: { layers: 1, hiddenSize: 32, attentionHeads: 2, maxPositions: 64 },
      objectives: [{ type: 'mlm', batchSize: 8, sequenceLength: 32 }],
      training: { steps: 10, device: 'cpu', threads: 1 },
    };
    writeFileSync(join(folder, 'tiny.lab.json'), JSON.stringify(experiment));
    const comparison = {
      experiment: 'tiny.lab.json',
      variants: [{ name: 'slow', change: { training: { learningRate: 1e-5 } } }, { name: 'fast' }],
      budget: { tokens: 2560 },
      seeds: 1,
      probes: [{ type: 'perplexity' }],
    };
    writeFileSync(join(folder, 'tiny.compare.json'), JSON.stringify(comparison));
    write(
      'downstream.ipynb',
      "await lab.train('tiny.lab.json')",
      "await lab.probe({ type: 'perplexity', name: 'hidden words' })",
      "const report = await lab.compare('tiny.compare.json')",
      'report.members.map(({ state }) => state).join()',
      "await lab.probe({ type: 'perplexity', rate: 2 } as never)",
    );
    const { status, stderr } = call('downstream.ipynb', '--out', 'downstream-out.ipynb');
    const outputs = outputsOf('downstream-out.ipynb').map((cell) => cell.outputs);
    expect(JSON.stringify(outputs[1])).toContain('hidden words');
    expect(JSON.stringify(outputs[3])).toContain('done,done');
    // Only the last cell is wrong.
    expect(status).toBe(1);
    expect(stderr + JSON.stringify(outputs[4])).toContain('rate');
  }, 120_000);

  it('ends with 1 at a cell that fails, names it, and runs no later one', () => {
    write('bad.ipynb', '1', "\nthrow new Error('on purpose');", "console.log('never')");
    const { status, stdout, stderr } = call('bad.ipynb', '--out', 'bad-out.ipynb');
    expect(status).toBe(1);
    expect(stderr).toBe('objective-lab: cell 2 of bad.ipynb failed: Error: on purpose\n');
    expect(stdout).not.toContain('never\n');
    const [, second, third] = outputsOf('bad-out.ipynb');
    expect(second!.outputs).toMatchObject([
      { output_type: 'error', traceback: ['Error: on purpose', '    at cell [2], line 2, column 7'] },
    ]);
    expect(third).toMatchObject({ execution_count: null, outputs: [] });
  });

  it('ends with 1 when the kernel ends under a cell', () => {
    write('exit.ipynb', 'process.exit(0)', '1');
    expect(call('exit.ipynb')).toMatchObject({ status: 1, stderr: expect.stringMatching(/cell 1 .*exited with code 0/) as string });
  });

  it.each([
    ['nothing.ipynb', undefined, /nothing\.ipynb cannot be read/],
    ['text.ipynb', 'text', /text\.ipynb is no notebook: it is not JSON/],
    [
      'python.ipynb',
      JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { kernelspec: { language: 'python' } }, cells: [] }),
      /written in python/,
    ],
  ])('ends with 2 for a bad file: %s', (name, text, message) => {
    if (text !== undefined) writeFileSync(join(folder, name), text);
    const { status, stderr } = call(name);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it.each(['while (true);', 'await new Promise((r) => setTimeout(r, 60_000));'])(
    'lets a cell be interrupted by Ctrl-C: %s',
    async (code) => {
      write('endless.ipynb', `console.log('on');\n${code}`);
      // A terminal sends it to all that was started, the kernel among them.
      const child = spawn(process.execPath, [cli, 'notebook', 'endless.ipynb'], { cwd: folder, detached: true });
      const said: string[] = [];
      child.stderr.on('data', (data: Buffer) => said.push(data.toString()));
      child.stdout.on('data', (data: Buffer) => {
        if (/^on$/m.test(data.toString())) process.kill(-child.pid!, 'SIGINT');
      });
      const status = await new Promise((resolve) => child.once('exit', resolve));
      expect(status).toBe(1);
      expect(said.join('')).toContain('Interrupted: The cell was interrupted.');
    },
  );
});

describe('the sample notebooks', () => {
  it.each(SAMPLES)(
    '%s runs from its first cell to its last, and shows what its text promises',
    (name) => {
      const { status, stdout, stderr } = call(join('notebooks', name), '--out', name, '--runs', 'runs');
      expect(stderr).toBe('');
      expect(status, stdout).toBe(0);
      const views = outputsOf(name).flatMap(({ outputs = [] }) =>
        outputs.flatMap(({ data }) => (data?.[VIEW_MIME] === undefined ? [] : [View.parse(data[VIEW_MIME])])),
      );
      expect(new Set(views.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(3);
      // Each run learned something: its table says that the baseline was beaten.
      const results = views.flatMap((view) => (view.kind === 'table' && view.columns.includes('baseline') ? view.rows : []));
      for (const row of results) expect(row.at(-1)).toBe('beaten');
      expect(readFileSync(join(folder, name)).length).toBeLessThan(400_000);
    },
    120_000,
  );

  it('the objective without negatives collapses, and the one with them does not', () => {
    const heatmaps = outputsOf('contrastive-learning.ipynb')
      .flatMap(({ outputs = [] }) => outputs.flatMap(({ data }) => (data?.[VIEW_MIME] === undefined ? [] : [View.parse(data[VIEW_MIME])])))
      .filter((view) => view.kind === 'heatmap');
    expect(heatmaps).toHaveLength(2);
    expect(heatmaps[0]!.low).toBeLessThan(0.97);
    expect(heatmaps[1]!.low).toBeGreaterThan(0.99);
  });

  it('are kept without outputs', () => {
    for (const name of SAMPLES) {
      const { cells } = parseNotebook(readFileSync(join('samples/notebooks', name), 'utf8'), name);
      for (const cell of cells) if (cell.cell_type === 'code') expect(cell).toMatchObject({ execution_count: null, outputs: [] });
    }
  });
});
