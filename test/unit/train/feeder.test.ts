import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type * as Threads from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../../src/shared/errors';
import { batchesOf } from '../../../src/train/feeder-protocol';
import { ThreadFeeder } from '../../../src/train/feeder';
import { loadExperiment } from '../../../src/train/experiment';
import { setUp, type Setup } from '../../../src/train/setup';
import { makeWorkspace } from '../support/workspace';

/** Messages that the threads of a test have sent. */
const received = vi.hoisted(() => ({ count: 0 }));
vi.mock('node:worker_threads', async (importOriginal) => {
  const original = await importOriginal<typeof Threads>();
  class CountedWorker extends original.Worker {
    constructor(...given: ConstructorParameters<typeof original.Worker>) {
      super(...given);
      this.on('message', () => received.count++);
    }
  }
  return { ...original, Worker: CountedWorker };
});

const pairs = Array.from({ length: 60 }, (_, i) => JSON.stringify({ question: `Where is whale ${i}?`, answer: `Off cape ${i}, at dawn.` }));
/** Every objective there is, one of them with rows of a file. */
const objectives = [
  { type: 'mlm', batchSize: 4, sequenceLength: 16, rate: { from: 0.4, to: 0.15 } },
  {
    type: 'contrastive',
    batchSize: 4,
    sequenceLength: 16,
    positives: { from: 'pairs', file: 'pairs.jsonl', a: 'question', b: 'answer' },
  },
  { type: 'nsp', batchSize: 4, sequenceLength: 32 },
  { type: 'sop', batchSize: 4, sequenceLength: 32 },
  { type: 'seq2seq', batchSize: 4, sequenceLength: 32 },
  { type: 'clm', batchSize: 4, sequenceLength: 16 },
  { type: 'rtd', batchSize: 4, sequenceLength: 16 },
];
const ratio = Object.fromEntries(objectives.map(({ type }, i) => [type, i + 1]));

const made: { remove: () => void; setup: Setup }[] = [];
async function prepared(experiment: object): Promise<Setup> {
  const workspace = makeWorkspace({ training: { steps: 20, device: 'cpu' }, ...experiment });
  writeFileSync(join(workspace.folder, 'pairs.jsonl'), pairs.join('\n'));
  const setup = await setUp(loadExperiment(workspace.experiment), () => undefined);
  made.push({ remove: workspace.remove, setup });
  return setup;
}

let sum: Setup;
let alternating: Setup;
beforeAll(async () => {
  sum = await prepared({ objectives });
  alternating = await prepared({ objectives, combination: { kind: 'alternate', ratio } });
});
afterAll(() => {
  for (const { setup, remove } of made) {
    setup.corpus.dataset.close();
    remove();
  }
});

describe('the thread that makes batches', () => {
  it.each([
    ['all objectives in each step', () => sum, 0],
    ['all objectives, from a later step', () => sum, 7],
    ['one objective in each step', () => alternating, 0],
    ['one objective, from a later step', () => alternating, 13],
  ])('makes what is made without it: %s', async (_, setup, from) => {
    const { recipe, plan, corpus } = setup();
    const feeder = new ThreadFeeder(recipe, from);
    for (let step = from; step < from + 7; step++)
      expect(await feeder.next(), `step ${step}`).toEqual(batchesOf(plan, corpus.dataset.train, step));
    await feeder.close();
  });

  it('gives the batches of every step to the last', async () => {
    const feeder = new ThreadFeeder(sum.recipe, sum.recipe.steps - 2);
    expect(await feeder.next()).toHaveLength(objectives.length);
    expect(await feeder.next()).toHaveLength(objectives.length);
    await feeder.close();
  });

  it('is never more than a few steps ahead', async () => {
    received.count = 0;
    const feeder = new ThreadFeeder(sum.recipe, 0);
    const settled = async (count: number): Promise<void> => {
      await vi.waitFor(() => expect(received.count).toBe(count), 5000);
      await setTimeout(150);
      expect(received.count).toBe(count);
    };
    await settled(4);
    await feeder.next();
    await settled(5);
    for (let i = 0; i < 3; i++) await feeder.next();
    await settled(8);
    await feeder.close();
  });

  it('hands on what a person can mend, with its hint and its code', async () => {
    const gone = await prepared({ objectives: [objectives[0]] });
    rmSync(gone.recipe.shards, { recursive: true });
    const feeder = new ThreadFeeder(gone.recipe, 0);
    const error = await feeder.next().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({
      code: 'corpus',
      message: expect.stringContaining(gone.recipe.shards) as string,
      hint: expect.any(String) as string,
    });
    await feeder.close();
  });

  it('hands on a defect as what it is', async () => {
    const feeder = new ThreadFeeder({ ...sum.recipe, tables: new Map() }, 0);
    const error = await feeder.next().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(UserError);
    expect((error as Error).message).toContain('"contrastive" has no table');
    await feeder.close();
  });

  it('ends at once, also in the middle of its work', async () => {
    const endless = { ...sum.recipe, objectives: [{ ...sum.recipe.objectives[0]!, batchSize: 4096 }], tokens: [[]], steps: 1_000_000 };
    const busy = new ThreadFeeder(endless, 0);
    await setTimeout(50);
    const before = performance.now();
    await busy.close();
    await new ThreadFeeder(sum.recipe, 0).close();
    expect(performance.now() - before).toBeLessThan(5000);
  });
});
