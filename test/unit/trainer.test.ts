import { fork, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { MessageHandler, type RemoteError } from '../../src/shared/rpc';
import { host, trainer } from '../../src/shared/trainer-protocol';
import type { Metrics } from '../../src/shared/types';
import { listCheckpoints } from '../../src/train/checkpoint';
import { listRuns } from '../../src/train/run';
import { bundle } from './support/bundle';
import { makeWorkspace } from './support/workspace';

let entry: string;
let workspace: ReturnType<typeof makeWorkspace>;
let child: ChildProcess;
let link: MessageHandler<typeof host, typeof trainer>;

const long = { training: { steps: 100_000, device: 'cpu', evaluateEvery: 100_000, checkpointEvery: 10 } };

beforeAll(async () => (entry = await bundle('trainer')));
afterAll(() => rmSync(entry));
afterEach(async () => {
  child.kill('SIGKILL');
  await new Promise((resolve) => (child.exitCode === null && child.signalCode === null ? child.once('exit', resolve) : resolve(undefined)));
  workspace.remove();
});

function start(experiment: object = {}): void {
  workspace = makeWorkspace(experiment);
  child = fork(entry, [], { serialization: 'advanced', silent: true });
  link = new MessageHandler(host, trainer, {}, (message) => child.send(message as object));
  child.on('message', (message) => link.receive(message));
  child.once('exit', () => link.close({ code: 'trainer-ended', message: 'The trainer ended.' }));
}

const runs = (): string => join(workspace.folder, '.objective-lab', 'runs');
const training = (): Promise<unknown> => link.request('train', { experiment: workspace.experiment });
const step = (n: number): Promise<void> => new Promise((resolve) => link.on('metrics', (line: Metrics) => line.step >= n && resolve()));

describe('the trainer process', () => {
  it('trains, telling of every step, and shows what the run learned', async () => {
    start();
    const lines: Metrics[] = [];
    link.on('metrics', (line) => lines.push(line));
    const done = await link.request('train', { experiment: workspace.experiment });
    expect(done).toMatchObject({ steps: 12, reason: 'completed' });
    expect(lines.filter(({ loss }) => loss)).toHaveLength(12);
    expect(await link.request('runs', { runs: runs() })).toMatchObject([{ state: 'completed' }]);
    expect(await link.request('metrics', { run: done.run, after: -1, limit: 100 })).toEqual(lines);
    const folder = join(workspace.folder, 'exported');
    expect(await link.request('export', { model: done.run, folder, format: 'hf' })).toMatchObject({
      folder,
      architecture: 'BertForMaskedLM',
    });
    const text = 'The whale passed the mate.';
    const { tokens, step: at } = await link.request('tokenize', { model: done.run, text });
    expect(at).toBe(12);
    expect(text.slice(tokens[1]!.start, tokens[1]!.end)).toBe('whale');
    expect(await link.request('predict', { model: done.run, text, spans: [tokens[1]!], top: 4 })).toMatchObject([
      { start: 4, end: 9, truth: { text: 'whale' } },
    ]);
  });

  it('stops within a second, with a checkpoint', async () => {
    start(long);
    const done = training();
    await step(3);
    const before = performance.now();
    await link.request('stop', {});
    expect(performance.now() - before).toBeLessThan(1000);
    expect(await done).toMatchObject({ reason: 'stopped' });
    expect(listRuns(runs())).toMatchObject([{ state: 'stopped' }]);
  });

  it('answers while it trains', async () => {
    start(long);
    training().catch(() => undefined);
    await step(2);
    const before = performance.now();
    expect(await link.request('runs', { runs: runs() })).toMatchObject([{ state: 'running' }]);
    expect(performance.now() - before).toBeLessThan(1000);
  });

  it('checks comparisons, begins new ones, and knows of none where there is none', async () => {
    // The template's objectives read 128 tokens.
    start({ model: { layers: 1, hiddenSize: 32, attentionHeads: 2, maxPositions: 128 } });
    const path = join(workspace.folder, 'new.compare.json');
    const { text } = await link.request('comparisonTemplate', {
      experiment: workspace.experiment,
      variants: [
        { name: 'MLM', objectives: ['mlm'] },
        { name: 'both', objectives: ['mlm', 'contrastive'] },
      ],
      budget: { unit: 'flops', amount: 1e12 },
      seeds: 3,
      probes: [{ type: 'perplexity' }],
    });
    expect(await link.request('checkComparison', { text, path })).toEqual([]);
    const { experiment, folder } = workspace;
    const offered = await link.request('suggestProbes', { experiment, folder, files: [] });
    expect(offered.map(({ name }) => name)).toEqual(['perplexity']);
    const [problem] = await link.request('checkComparison', { text: text.replace('"seeds": 3', '"seeds": 0'), path });
    expect(problem!.message).toMatch(/`seeds` must be/);
    expect(await link.request('comparisons', { folder: workspace.folder })).toEqual([]);
    await expect(link.request('comparison', { folder: workspace.folder })).rejects.toMatchObject({ code: 'comparison' });
  });

  it('refuses a second run at the same time', async () => {
    start(long);
    training().catch(() => undefined);
    await step(1);
    await expect(training()).rejects.toMatchObject({ code: 'busy' });
  });

  it('leaves a run that is seen as interrupted, with its checkpoints, when it is killed', async () => {
    start(long);
    const code = training().catch((error: unknown) => (error as RemoteError).code);
    await step(25);
    child.kill('SIGKILL');
    expect(await code).toBe('trainer-ended');
    const [run] = listRuns(runs());
    expect(run).toMatchObject({ state: 'interrupted' });
    expect(listCheckpoints(run!.folder).map((each) => each.step)).toContain(20);
  });

  it('finishes the step in hand and writes a checkpoint when its host goes away', async () => {
    start(long);
    training().catch(() => undefined);
    await step(3);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    await exited;
    await vi.waitFor(() => expect(listRuns(runs())).toMatchObject([{ state: 'stopped' }]));
  });

  it('goes on to the end when its host goes away, if it was told so', async () => {
    start({ training: { ...long.training, steps: 300 } });
    link.request('train', { experiment: workspace.experiment, outlive: true }).catch(() => undefined);
    await step(3);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    for (const stream of [child.stdout, child.stderr]) stream?.destroy();
    await exited;
    expect(listRuns(runs())).toMatchObject([{ state: 'completed', step: 300 }]);
  });

  it('stops a run that another process trains, when it is asked', async () => {
    start(long);
    const done = training();
    await step(3);
    const other = fork(entry, [], { serialization: 'advanced', silent: true });
    const otherLink = new MessageHandler(host, trainer, {}, (message) => other.send(message as object));
    other.on('message', (message) => otherLink.receive(message));
    const [run] = listRuns(runs());
    expect(await otherLink.request('stopRun', { run: run!.folder })).toEqual({ asked: true });
    await done.catch(() => undefined);
    await vi.waitFor(() => expect(listRuns(runs())).toMatchObject([{ state: 'stopped' }]));
    await vi.waitFor(async () => expect(await otherLink.request('stopRun', { run: run!.folder })).toEqual({ asked: false }));
    other.kill();
  });

  it('goes on with a run that was killed, and not with one that another process trains', async () => {
    start(long);
    training().catch(() => undefined);
    await step(25);
    const [run] = listRuns(runs());
    const other = fork(entry, [], { serialization: 'advanced', silent: true });
    const otherLink = new MessageHandler(host, trainer, {}, (message) => other.send(message as object));
    other.on('message', (message) => otherLink.receive(message));
    await expect(otherLink.request('resume', { run: run!.folder })).rejects.toMatchObject({ code: 'busy' });
    child.kill('SIGKILL');
    const from = new Promise((resolve) => otherLink.on('started', (details) => resolve(details.from)));
    const done = otherLink.request('resume', { run: run!.folder });
    expect(await from).toBeGreaterThanOrEqual(20);
    await otherLink.request('stop', {});
    expect(await done).toMatchObject({ reason: 'stopped', run: run!.folder });
    other.kill();
  });

  it('checks experiments and names what is wrong with a position', async () => {
    start();
    const text = '{ "objectives": [{ "type": "mlm", "rate": 7 }] }';
    const [problem] = await link.request('check', { text, path: 'x.lab.json' });
    expect(text.slice(problem!.start, problem!.end)).toBe('7');
    const types = (await link.request('objectives', {})).map(({ type }) => type);
    expect(types).toContain('mlm');
    const { text: template } = await link.request('template', { name: 'mine', objectives: types });
    expect(template.match(/"type": "\w+"/g)).toHaveLength(types.length);
    expect(await link.request('check', { text: template, path: 'mine.lab.json' })).toEqual([]);
  });
});
