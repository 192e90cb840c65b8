import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listCheckpoints } from '../../../src/train/checkpoint';
import { loadExperiment, loadRun } from '../../../src/train/experiment';
import { resume, train } from '../../../src/train/loop';
import { memoryNeed, totalOf } from '../../../src/train/memory';
import { fits, planMemory } from '../../../src/train/memory-plan';
import { listRuns } from '../../../src/train/run';
import { setUp, type Setup } from '../../../src/train/setup';
import type { RunSummary } from '../../../src/shared/types';
import { bundle } from '../support/bundle';
import { makeWorkspace } from '../support/workspace';

const removals: (() => void)[] = [];
afterEach(() => removals.splice(0).forEach((remove) => remove()));

function workspace(experiment: object): { folder: string; experiment: string } {
  const made = makeWorkspace(experiment);
  removals.push(made.remove);
  return made;
}

const mlm = { type: 'mlm', batchSize: 1024, sequenceLength: 64 };
const nsp = { type: 'nsp', batchSize: 768, sequenceLength: 64 };
const contrastive = { type: 'contrastive', batchSize: 8, sequenceLength: 16 };

async function open(objectives: readonly object[]): Promise<Setup> {
  const setup = await setUp(loadExperiment(workspace({ objectives }).experiment), () => undefined);
  setup.corpus.dataset.close();
  return setup;
}
const needOf = ({ config, plan, experiment }: Setup): number => totalOf(memoryNeed(config, plan, experiment.training, {}));

/** A device with so many bytes, all of them free. */
const ofBytes = (bytes: number | undefined) => ({ capacity: bytes, available: bytes });

describe('the memory that a run needs', () => {
  it('grows with the batch, and names what it goes to', async () => {
    const [small, large] = [await open([{ ...mlm, batchSize: 16 }]), await open([{ ...mlm, batchSize: 256 }])];
    const [a, b] = [small, large].map(({ config, plan, experiment }) => memoryNeed(config, plan, experiment.training, {}));
    expect(b!.activations).toBeGreaterThan(a!.activations + 20e6);
    expect(b!.parameters).toBe(a!.parameters);
    expect(b!.moments).toBe(2 * b!.parameters);
    expect(b!.kinds.logits / a!.kinds.logits).toBeCloseTo(16, 5);
    expect(b!.kinds.attention / a!.kinds.attention).toBeCloseTo(16, 5);
  });

  it('counts the copies that CUDA keeps of the state', async () => {
    const { config, plan, experiment } = await open([mlm]);
    const [cpu, cuda] = [{}, { provider: 'cuda' } as const].map((options) => memoryNeed(config, plan, experiment.training, options));
    expect(cuda!.parameters).toBe(4 * cpu!.parameters);
    expect(cuda!.moments).toBe(4 * cpu!.moments);
  });
});

describe('a run that does not fit', () => {
  it('is divided into as few micro-batches as fit, which all batches can be divided into', async () => {
    const setup = await open([mlm, nsp, contrastive]);
    const needs = [1, 2, 4, 8].map((count) => needOf(planMemory(setup, {}, ofBytes(undefined), count)));
    expect(needs).toEqual([...needs].sort((a, b) => b - a));
    for (const [i, count] of [1, 2, 4, 8].entries()) {
      const { memory, instances } = planMemory(setup, {}, ofBytes(needs[i]));
      expect(memory).toMatchObject({ microBatches: count, available: needs[i] });
      expect(instances.map(({ parts, cached }) => parts?.count ?? cached?.count ?? 1)).toEqual([count, count, count]);
    }
    expect(() => planMemory(setup, {}, ofBytes(needs[3]! - 1))).toThrow(
      /^The run does not fit into memory: it needs about [\d.]+ MB of [\d.]+ MB: parameters .*8 micro-batches/,
    );
  });

  it('is not divided where its gradients cannot be added up: an error says what it takes as it is', async () => {
    const setup = await open([mlm]);
    // Positions make a model large without making its graph so.
    const large = { ...setup, config: { ...setup.config, maxPositions: 8_500_000 } };
    expect(() => planMemory(large, {}, ofBytes(1e9))).toThrow(/^The run does not fit into memory: (?!.*micro-batches)/);
  });

  it('is not begun: an error gives the numbers', async () => {
    const setup = await open([{ ...mlm, batchSize: 2 }]);
    expect(() => planMemory(setup, {}, ofBytes(1e6))).toThrow(expect.objectContaining({ name: 'UserError', code: 'memory' }) as Error);
    expect(planMemory(setup, {}, ofBytes(undefined)).memory).toMatchObject({ microBatches: 1 });
    // A run that goes on does so with the parts that it has.
    expect(() => planMemory(setup, {}, ofBytes(1e6), 2)).toThrow(/ in 2 micro-batches/);
  });

  it('is tried when a number of micro-batches is asked for', async () => {
    const training = { steps: 1, device: 'cpu', threads: 1, microBatches: 1 };
    const setup = await setUp(loadExperiment(workspace({ training }).experiment), () => undefined);
    setup.corpus.dataset.close();
    const { memory } = planMemory(setup, {}, ofBytes(1e6));
    expect(memory).toMatchObject({ microBatches: 1 });
    expect(fits(memory!)).toBe(false);
  });

  it('cannot be divided otherwise than equally', async () => {
    const setup = await open([mlm, nsp]);
    expect(() => planMemory(setup, {}, ofBytes(undefined), 3)).toThrow(
      expect.objectContaining({
        code: 'experiment',
        hint: expect.stringMatching(/^Use 2, 4, 8, .* or 256, or leave it out/) as string,
      }) as Error,
    );
  });
});

it('a run keeps its micro-batches when it is resumed', async () => {
  const training = { steps: 4, device: 'cpu', threads: 1, evaluateEvery: 4, checkpointEvery: 2 };
  const objectives = [{ ...mlm, batchSize: 8, sequenceLength: 32 }];
  const { folder, experiment } = workspace({ objectives, training: { ...training, microBatches: 4 } });
  const told: string[] = [];
  const whole = await train({ experiment, events: { status: (message) => told.push(message) } });
  expect(told.find((message) => message.startsWith('Memory: '))).toMatch(/about [\d.]+ MB of [\d.]+ GB: .* in 4 micro-batches$/);
  expect(readFileSync(join(whole.run, 'log.txt'), 'utf8')).toContain(' in 4 micro-batches\n');
  expect(loadRun(whole.run).microBatches).toBe(4);

  const controller = new AbortController();
  const stopped = await train({
    experiment,
    runs: join(folder, 'other'),
    signal: controller.signal,
    events: { checkpoint: () => controller.abort() },
  });
  expect(stopped).toMatchObject({ reason: 'stopped', steps: 2 });
  expect((await resume({ run: stopped.run })).loss).toEqual(whole.loss);
});

/** Kilobytes: enough for Node and for reading the corpus, and not for the step. */
const LITTLE = '250000';

describe.runIf(process.platform === 'linux')('a run whose memory runs out', () => {
  let cli: string;
  beforeAll(async () => (cli = await bundle('cli')));
  afterAll(() => rmSync(cli));

  /** Runs the command line with at most so many kilobytes of data, and stops it after its first checkpoint if it comes that far. */
  async function run(limit: string, ...given: string[]): Promise<{ code: unknown; errors: string }> {
    const command = ['-c', `ulimit -d ${limit} && exec "$@"`, 'sh', process.execPath, cli, 'train', ...given, '--json'];
    const child = spawn('sh', command, { stdio: ['ignore', 'pipe', 'pipe'] });
    const exit = once(child, 'exit');
    let errors = '';
    child.stderr.on('data', (data) => (errors += String(data)));
    for await (const line of createInterface({ input: child.stdout }))
      if (line.includes('"checkpoint"') && !child.killed) child.kill('SIGTERM');
    return { code: (await exit)[0], errors };
  }

  it('says so with the numbers of its plan, and goes on from its checkpoint when there is enough', async () => {
    const training = { steps: 6, device: 'cpu', threads: 1, evaluateEvery: 6, checkpointEvery: 1, microBatches: 1 };
    const objectives = [{ type: 'clm', batchSize: 512, sequenceLength: 64 }];
    const { folder, experiment } = workspace({ objectives, training });
    expect(await run('unlimited', experiment)).toMatchObject({ code: 0 });
    const [{ folder: stopped, state }] = listRuns(join(folder, '.objective-lab', 'runs')) as [RunSummary];
    expect(state).toBe('stopped');
    const checkpoints = listCheckpoints(stopped);
    const { code, errors } = await run(LITTLE, '--resume', stopped);
    expect(errors).toMatch(/Memory ran out; the run was to take about [\d.]+ MB of [\d.]+ GB: .*Lower "batchSize"/);
    expect(code).toBe(2);
    expect(listRuns(join(folder, '.objective-lab', 'runs'))).toMatchObject([
      { state: 'failed', message: expect.stringContaining('Memory ran out') as string },
    ]);
    expect(checkpoints.length).toBeGreaterThan(0);
    expect(listCheckpoints(stopped)).toEqual(checkpoints);
    expect(await resume({ run: stopped })).toMatchObject({ reason: 'completed', steps: 6 });
  });
});
