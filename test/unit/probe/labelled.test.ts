import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProbeOptions } from '../../../src/experiment/probes';
import { openModel } from '../../../src/inspect/model';
import { classification } from '../../../src/probe/classification';
import { pair } from '../../../src/probe/pair';
import type { Measured, Probe } from '../../../src/probe/probe';
import { train } from '../../../src/train/loop';
import { makeWorkspace } from '../support/workspace';

const space = makeWorkspace();
let run: string;

beforeAll(async () => {
  ({ run } = await train({ experiment: space.experiment, steps: 12 }));
  const rows = Array.from({ length: 240 }, (_, i) => {
    const whale = i % 3 === 0;
    return { text: `${whale ? 'The whale' : 'Our ship'} ${VERBS[i % 7]} the ${NAMES[i % 5]} ${i}.`, label: whale ? 'animal' : 'thing' };
  });
  write('kinds.jsonl', rows);
  write(
    'shuffled.jsonl',
    rows.map(({ text }, i) => ({ text, label: rows[(i * 7 + 1) % rows.length]!.label })),
  );
  write(
    'one.jsonl',
    rows.slice(0, 20).map(({ text }) => ({ text, label: 'same' })),
  );
  write(
    'new.jsonl',
    rows.slice(0, 30).map(({ text, label }, i) => ({ text, label: i < 3 ? 'never seen' : label })),
  );
  write(
    'pairs.jsonl',
    rows.map(({ text }, i) => ({ a: text, b: i % 2 === 0 ? text : 'A gull passed at dawn.', label: i % 2 === 0 ? 'same' : 'other' })),
  );
}, 60_000);
afterAll(() => space.remove());

const VERBS = ['watched', 'followed', 'feared', 'forgot', 'remembered', 'passed', 'called'];
const NAMES = ['captain', 'mate', 'gull', 'sailor', 'storm'];
const write = (name: string, rows: readonly object[]): void =>
  writeFileSync(join(space.folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

function measure(options: object): Promise<Measured> {
  const parsed = ProbeOptions.parse(options);
  const probe = (parsed.type === 'pair' ? pair : classification) as unknown as Probe;
  return probe.run(parsed, { model: openModel(run), run, folder: space.folder });
}

describe('a classification probe', () => {
  it('tells what the embeddings hold, and nothing of labels that say nothing', async () => {
    const found = await measure({ type: 'classification', train: 'kinds.jsonl' });
    expect(found.metrics.accuracy!.value).toBeGreaterThan(0.95);
    expect(found.examples + found.trained!).toBe(240);
    expect(found.floor!.value).toBeCloseTo(2 / 3, 1);
    const { accuracy } = (await measure({ type: 'classification', train: 'shuffled.jsonl' })).metrics;
    expect(accuracy!.value).toBeLessThan(0.85);
    expect(accuracy!.low).toBeLessThan(accuracy!.value);
  });

  it('learns by fine-tuning, the same each time', async () => {
    const options = { type: 'classification', train: 'kinds.jsonl', method: 'finetune', epochs: 4, learningRate: 0.003 };
    const found = await measure(options);
    expect(found.metrics.macroF1!.value).toBeGreaterThan(0.95);
    expect((await measure(options)).metrics).toEqual(found.metrics);
  });

  it('counts examples that it learnt from, and labels that it cannot know', async () => {
    const { leaks, metrics, notes, examples } = await measure({ type: 'classification', train: 'kinds.jsonl', test: 'new.jsonl' });
    expect(leaks.training).toBe(30);
    expect(examples).toBe(30);
    expect(metrics.accuracy!.value).toBeLessThanOrEqual(0.9);
    expect(notes.join(' ')).toContain('3 test examples have a label that no training example has');
  });

  it('is held against the luckiest single answer, not against that of the training side alone', async () => {
    // Things are the commoner label to learn from, animals that of the test.
    write(
      'animals.jsonl',
      Array.from({ length: 20 }, (_, i) => ({ text: `The whale passed the mate ${i}.`, label: i < 16 ? 'animal' : 'thing' })),
    );
    const { floor } = await measure({ type: 'classification', train: 'kinds.jsonl', test: 'animals.jsonl' });
    expect(floor).toEqual({ value: 0.8, by: 'the commonest label' });
  });

  it('takes true and false for labels', async () => {
    write(
      'bools.jsonl',
      Array.from({ length: 60 }, (_, i) => ({ text: i % 2 ? `The whale ${i}.` : `Our ship ${i}.`, label: i % 2 === 1 })),
    );
    const { metrics, notes, examples } = await measure({ type: 'classification', train: 'bools.jsonl' });
    expect(metrics.accuracy).toEqual({ value: 1, low: 1, high: 1 });
    // An interval without width is no certainty.
    expect(notes.join(' ')).toContain(`All of the ${examples} are right, so that the bootstrap shows no spread`);
  });

  it('needs two kinds of labels', async () => {
    await expect(measure({ type: 'classification', train: 'one.jsonl' })).rejects.toThrow(
      'Every training example of one.jsonl has the label "same"',
    );
  });
});

describe('a pair probe', () => {
  it.each(['linear', 'finetune'])('tells equal texts from others (%s)', async (method) => {
    const { metrics } = await measure({ type: 'pair', train: 'pairs.jsonl', method, epochs: 4, learningRate: 0.003 });
    expect(metrics.accuracy!.value).toBeGreaterThan(0.95);
  });
});
