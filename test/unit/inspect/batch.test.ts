import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainingBatch } from '../../../src/inspect/batch';
import { listCheckpoints } from '../../../src/train/checkpoint';
import { train } from '../../../src/train/loop';
import { readMetrics } from '../../../src/train/run';
import { makeWorkspace } from '../support/workspace';

/** Every objective there is, and the kinds of contrastive learning that batches differ by. */
const RUNS = {
  all: [
    { type: 'mlm', batchSize: 4, sequenceLength: 32 },
    { type: 'contrastive', batchSize: 4, sequenceLength: 16, queue: 8 },
    { type: 'nsp', batchSize: 4, sequenceLength: 48 },
    { type: 'sop', batchSize: 4, sequenceLength: 48 },
    { type: 'seq2seq', batchSize: 4, sequenceLength: 32 },
    { type: 'clm', batchSize: 4, sequenceLength: 32 },
    { type: 'rtd', batchSize: 4, sequenceLength: 32 },
  ],
  synonyms: [
    { type: 'mlm', batchSize: 4, sequenceLength: 32 },
    { type: 'contrastive', batchSize: 4, sequenceLength: 16, positives: { from: 'augment', synonyms: 0.3, deletion: 0.1 } },
  ],
  triplets: [
    {
      type: 'contrastive',
      batchSize: 2,
      sequenceLength: 16,
      positives: { from: 'triplets', file: 'table.tsv', anchor: 'a', positive: 'b', negative: 'c' },
    },
  ],
  scored: [
    {
      type: 'contrastive',
      batchSize: 2,
      sequenceLength: 16,
      positives: { from: 'scored', file: 'table.tsv', a: 'a', b: 'b', score: 'score' },
    },
  ],
} as const;
const TABLE = [
  'a\tb\tc\tscore',
  ...Array.from({ length: 30 }, (_, i) => `The whale passed ${i} ships.\tA ship saw ${i} whales.\tThe gull slept at ${i}.\t${i % 5}`),
].join('\n');

const workspaces: { run: string; remove: () => void }[] = [];
const runs: Record<string, string> = {};

beforeAll(async () => {
  for (const [name, objectives] of Object.entries(RUNS)) {
    const workspace = makeWorkspace({ objectives });
    writeFileSync(join(workspace.folder, 'table.tsv'), TABLE);
    const { run } = await train({ experiment: workspace.experiment, steps: 7 });
    workspaces.push({ run, remove: workspace.remove });
    runs[name] = run;
  }
}, 120_000);
afterAll(() => workspaces.forEach(({ remove }) => remove()));

describe('a batch of a run', () => {
  it.each(Object.entries(RUNS).flatMap(([name, objectives]) => objectives.map(({ type }) => [name, type] as const)))(
    'is that of the step, with its very loss (%s: %s)',
    async (name, objective) => {
      const run = runs[name]!;
      const checkpoint = listCheckpoints(run).find(({ step }) => step === 5)!;
      const batch = await trainingBatch(checkpoint.folder, { objective });
      expect(batch).toMatchObject({ objective, step: 5, model: 5, objectives: RUNS[name as keyof typeof RUNS].map(({ type }) => type) });
      // The line of step 6 tells of the step that followed the checkpoint of 5.
      const line = readMetrics(run, 0, 1000).find(({ step, loss }) => step === 6 && loss)!;
      expect(batch.loss).toBeCloseTo(line.loss![objective]!, 4);
      expect(batch.examples).toHaveLength(batch.size);
      for (const { texts } of batch.examples) {
        expect(texts.length).toBeGreaterThan(0);
        for (const { tokens } of texts) {
          expect(tokens.length).toBeGreaterThan(0);
          expect(tokens.map(({ token }) => token)).not.toContain('[PAD]');
        }
      }
    },
  );

  it('of masked language modelling marks what was hidden and how, and its loss is theirs', async () => {
    const { loss, examples } = await trainingBatch(runs.all!, { objective: 'mlm' });
    const hidden = examples.flatMap(({ texts }) => texts[0]!.tokens.filter(({ mark }) => mark));
    expect(hidden).toHaveLength(4 * 5);
    expect(mean(hidden.map((token) => token.loss!))).toBeCloseTo(loss, 4);
    expect(new Set(hidden.map(({ mark }) => mark)).has('masked')).toBe(true);
    for (const { token, mark, truth } of hidden) expect(token === '[MASK]' ? 'masked' : token === truth ? 'kept' : 'random').toBe(mark);
  });

  it('of contrastive learning shows positives and the hardest negatives with their similarities', async () => {
    const { loss, examples } = await trainingBatch(runs.synonyms!, { objective: 'contrastive', step: 3 });
    // Synonyms are drawn in the step itself, and shown as they were drawn.
    const changed = examples.filter(({ texts: [a, b] }) => JSON.stringify(a!.tokens) !== JSON.stringify(b!.tokens));
    expect(changed.length).toBeGreaterThan(0);
    expect(mean(examples.map((example) => example.loss!))).not.toBeNaN();
    expect(loss).toBeGreaterThan(0);
    for (const { texts, negatives } of examples) {
      expect(texts.map(({ role }) => role)).toEqual(['anchor', 'positive', ...Array.from({ length: 5 }, () => 'negative')]);
      expect(negatives).toBe(6);
      const similarities = texts.slice(2).map(({ similarity }) => similarity!);
      expect(similarities).toEqual([...similarities].sort((a, b) => b - a));
    }
    const triplet = (await trainingBatch(runs.triplets!, {})).examples[0]!;
    expect(triplet.texts.map(({ role }) => role).sort()).toEqual(
      ['anchor', 'hard negative', 'negative', 'negative', 'positive'].slice(0, triplet.texts.length).sort(),
    );
    const pair = (await trainingBatch(runs.scored!, {})).examples[0]!;
    expect(pair.texts.map(({ role }) => role)).toEqual(['first', 'second']);
    expect(pair.score).toBeGreaterThanOrEqual(0);
  });

  it('of the others shows what is asked and what the model answers', async () => {
    const of = async (objective: string) => (await trainingBatch(runs.all!, { objective })).examples[0]!;
    const nsp = await of('nsp');
    expect(nsp.texts.map(({ role }) => role)).toEqual(['first', 'second']);
    expect(['follows', 'is from another document']).toContain(nsp.answer!.right);
    expect(nsp.answer!.probability).toBeGreaterThanOrEqual(0.5);
    const right = nsp.answer!.right === nsp.answer!.given ? nsp.answer!.probability : 1 - nsp.answer!.probability;
    expect(nsp.loss).toBeCloseTo(-Math.log(right), 4);
    const rtd = await of('rtd');
    const [generator, model] = rtd.texts;
    expect(generator!.tokens.filter(({ mark }) => mark === 'masked').length).toBe(model!.tokens.filter(({ mark }) => mark).length);
    const seq2seq = await of('seq2seq');
    expect(seq2seq.texts[0]!.tokens.some(({ mark }) => mark === 'sentinel')).toBe(true);
    expect(seq2seq.texts[1]!.tokens.at(-1)).toMatchObject({ token: '[SEP]', mark: 'target' });
    expect((await of('clm')).texts[0]!.tokens[0]!.loss).toBeUndefined();
  });

  it('names what there is when something else was asked for', async () => {
    await expect(trainingBatch(runs.all!, { objective: 'xyz' })).rejects.toThrow(/no objective "xyz"/);
    await expect(trainingBatch(runs.all!, { step: 7 })).rejects.toThrow(/has 7 steps, and step 7/);
    await expect(trainingBatch(join(runs.all!, 'checkpoints'), {})).rejects.toThrow(/is not a run/);
  });
});

const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;
