import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProbeOptions } from '../../../src/experiment/probes';
import { dot, embed } from '../../../src/inspect/embeddings';
import { generate } from '../../../src/inspect/generate';
import { openModel } from '../../../src/inspect/model';
import { nextTokenLosses } from '../../../src/inspect/next-tokens';
import { runProbe } from '../../../src/probe';
import type { ProbeResult } from '../../../src/shared/probe-types';
import { listCheckpoints } from '../../../src/train/checkpoint';
import { train } from '../../../src/train/loop';
import { Random } from '../support/random';
import { makeWorkspace } from '../support/workspace';

const model = { layers: 2, hiddenSize: 48, attentionHeads: 4, maxPositions: 64, dropout: 0, attentionDropout: 0 };
const folders: { remove: () => void }[] = [];
async function trained(objective: object, steps: number): Promise<string> {
  const training = { steps, device: 'cpu', evaluateEvery: 1000, checkpointEvery: 25, keepCheckpoints: 100, learningRate: 0.005 };
  const workspace = makeWorkspace({ model, objectives: [objective], training });
  folders.push(workspace);
  return (await train({ experiment: workspace.experiment })).run;
}
const folder = mkdtempSync(join(tmpdir(), 'objective-lab-probes-'));
afterAll(() => {
  folders.forEach(({ remove }) => remove());
  rmSync(folder, { recursive: true });
});

const write = (name: string, rows: readonly object[]): string => {
  writeFileSync(join(folder, name), rows.map((row) => JSON.stringify(row)).join('\n'));
  return name;
};
const probe = (run: string, options: object, path = run): Promise<ProbeResult> =>
  runProbe(ProbeOptions.parse(options), { model: openModel(path), run, folder });

const SUBJECTS = ['the whale', 'a sailor', 'the old captain', 'our ship', 'the grey sea', 'a gull', 'the mate'];
const VERBS = ['watched', 'followed', 'feared', 'forgot', 'remembered', 'passed'];
const random = new Random(3);
const sentences = Array.from({ length: 30 }, (_, i) => {
  const [subject, object] = [SUBJECTS[i % SUBJECTS.length]!, SUBJECTS[(i + 1 + (i % 3)) % SUBJECTS.length]!];
  return `${subject} ${VERBS[i % VERBS.length]!} ${object} at dawn.`;
});
const shuffled = (text: string): string => text.replace('.', '').split(' ').reverse().join(' ') + '.';

let [masked, causal] = ['', ''];
beforeAll(async () => {
  masked = await trained({ type: 'mlm', batchSize: 32, sequenceLength: 16, rate: 0.3 }, 500);
  causal = await trained({ type: 'clm', batchSize: 16, sequenceLength: 32 }, 120);
}, 120_000);

describe('similarity', () => {
  test('follows the scores when the same texts are scored highest, and runs against them when they are scored lowest', async () => {
    const pairs = sentences.slice(0, 24).map((a, i) => ({ a, b: i % 2 ? a : sentences[i + 5], score: i % 2 ? 5 : 1 }));
    const [along, against] = [
      write('along.jsonl', pairs),
      write(
        'against.jsonl',
        pairs.map((pair) => ({ ...pair, score: -pair.score })),
      ),
    ];
    const measured = await probe(masked, { type: 'similarity', file: along });
    expect(measured.metrics.spearman!.value).toBeGreaterThan(0.8);
    expect(measured.metrics.spearman!.low).toBeLessThanOrEqual(measured.metrics.spearman!.value);
    expect(measured).toMatchObject({ main: 'spearman', examples: 24, floor: { value: 0 } });
    expect((await probe(masked, { type: 'similarity', file: against })).metrics.spearman!.value).toBeLessThan(-0.8);
  });

  test('names the row whose score is no number', async () => {
    const file = write('scores.jsonl', [
      { a: 'x', b: 'y', score: 1 },
      { a: 'x', b: 'y', score: 'high' },
    ]);
    await expect(probe(masked, { type: 'similarity', file })).rejects.toThrow(
      /scores\.jsonl: row 2, column "score": "high" is not a number/,
    );
  });
});

describe('retrieval', () => {
  test('finds what is asked for word by word, and says what random order finds', async () => {
    const rows = [...sentences, ...sentences.slice(0, 5)].map((text) => ({ query: text, document: text }));
    const { metrics, floor, notes, examples } = await probe(masked, { type: 'retrieval', file: write('same.jsonl', rows), k: 3 });
    expect(metrics['ndcg@10']).toEqual({ value: 1, low: 1, high: 1 });
    expect(metrics['recall@3']!.value).toBe(1);
    expect(examples).toBe(new Set(sentences).size);
    expect(notes[0]).toContain(`among ${new Set(sentences).size} different documents`);
    expect(floor!.value).toBeGreaterThan(0.1);
    expect(floor!.value).toBeLessThan(0.25);
  });

  test('ranks by cosine, among documents that answer nothing too; equal ones count once', async () => {
    const rows = [...sentences, ...sentences.map((text) => text.toUpperCase())].map((document, i) => ({
      query: i % 2 ? 'the whale' : 'The  Whale',
      document,
      relevance: [4, 34].includes(i) ? 2 : 0,
    }));
    const { examples, metrics, notes } = await probe(masked, {
      type: 'retrieval',
      file: write('graded.jsonl', rows),
      relevance: 'relevance',
    });
    const pool = [...new Set(sentences)];
    const [query, ...vectors] = await embed(openModel(masked), ['the whale', ...pool]);
    const cosines = vectors.map((vector) => dot(query!, vector));
    const rank = cosines.filter((cosine) => cosine >= cosines[pool.indexOf(sentences[4]!)]!).length;
    expect(examples).toBe(1);
    expect(notes[0]).toContain(`among ${pool.length} different documents`);
    expect(metrics['mrr@10']!.value).toBe(rank <= 10 ? 1 / rank : 0);
    expect(metrics['recall@10']!.value).toBe(rank <= 10 ? 1 : 0);
  });

  test('needs a query that is answered', async () => {
    const file = write('none.jsonl', [{ query: 'a', document: 'b', relevance: 0 }]);
    await expect(probe(masked, { type: 'retrieval', file, relevance: 'relevance' })).rejects.toThrow('no query that a document answers');
  });
});

describe('acceptability', () => {
  const pairs = () =>
    write(
      'pairs.jsonl',
      sentences.map((text) => ({ good: text, bad: shuffled(text) })),
    );

  test.each([
    ['a causal model', () => causal, /Log-likelihood of a causal model/],
    ['a model of masked tokens', () => masked, /Pseudo-log-likelihood/],
  ])('%s tells its language from the same words in another order', async (_, run, note) => {
    const { metrics, notes, leaks } = await probe(run(), { type: 'acceptability', file: pairs() });
    expect(metrics.accuracy!.value).toBeGreaterThan(0.9);
    expect(metrics.accuracyPerToken!.value).toBeGreaterThan(0.9);
    expect(notes[0]).toMatch(note);
    expect(leaks.corpus).toBeDefined();
  });

  test('of a causal model is what the model says of a text that it writes itself', async () => {
    const [model, prompt] = [openModel(causal), 'the whale watched'];
    const [written] = await generate(causal, prompt, { beams: 1, longest: 12, lengthPenalty: 0 });
    const { ids } = await model.tokenizer.encode(prompt);
    const end = written!.ids.length < 12 ? [model.tokenizer.special.sep] : [];
    const [losses] = await nextTokenLosses(model, [Int32Array.of(...ids, ...written!.ids, ...end)]);
    expect(losses!.slice(ids.length).reduce((sum, loss) => sum + loss, 0)).toBeCloseTo(-written!.logProbability, 3);
  });

  test.each([
    ['a causal model', () => causal],
    ['a model of masked tokens', () => masked],
  ])('%s reads sentences that are longer than its own to their end', async (_, run) => {
    const rows = sentences.slice(0, 20).map((text, i) => {
      const long = `${[1, 2, 3, 4, 5].map((j) => sentences[(i + j) % 30]).join(' ')} `;
      return { good: long + text, bad: long + shuffled(text) };
    });
    const { metrics, notes } = await probe(run(), { type: 'acceptability', file: write('long.jsonl', rows) });
    expect(notes[1]).toContain('40 sentences are longer');
    expect(metrics.accuracy!.value).toBeGreaterThan(0.9);
  });

  test('ties count as half', async () => {
    const file = write(
      'ties.jsonl',
      sentences.map((text) => ({ good: text, bad: text })),
    );
    expect((await probe(causal, { type: 'acceptability', file })).metrics.accuracy).toEqual({ value: 0.5, low: 0.5, high: 0.5 });
  });
});

describe('perplexity', () => {
  test('falls with training, on text that was held out, and is the same each time', async () => {
    const checkpoints = listCheckpoints(masked);
    const early = await probe(masked, { type: 'perplexity' }, checkpoints[0]!.folder);
    const late = await probe(masked, { type: 'perplexity' });
    expect(late.question).toBe('hidden tokens');
    expect(late.metrics.perplexity!.value).toBeLessThan(early.metrics.perplexity!.value / 2);
    expect(late.better).toBe('lower');
    expect(late.notes[1]).toMatch(/held-out/);
    expect((await probe(masked, { type: 'perplexity' })).metrics).toEqual(late.metrics);
  });

  test('of a causal model is that of next tokens, and it is said', async () => {
    const { metrics, notes, question } = await probe(causal, { type: 'perplexity' });
    expect(question).toBe('next tokens');
    expect(metrics.perplexity!.value).toBeGreaterThan(1);
    // Eight subjects and verbs: what comes next is one of ten or fewer.
    expect(metrics.perplexity!.value).toBeLessThan(10);
    expect(notes[0]).toMatch(/causal/);
  });

  test('of text files counts sentences that the model was trained on', async () => {
    writeFileSync(join(folder, 'other.txt'), `${sentences.join(' ')} Nothing of the kind has ever been read here.`);
    const { leaks, examples } = await probe(masked, { type: 'perplexity', files: ['other.txt'], rate: 0.5 });
    expect(leaks.corpus).toBeLessThan(sentences.length + 1);
    expect(examples).toBeGreaterThan(3);
  });
});

describe('generation', () => {
  test('learns to write what it reads in other words, far beyond copying', async () => {
    const words = ['whale', 'sailor', 'captain', 'ship', 'sea', 'gull'];
    const rows = Array.from({ length: 240 }, () => {
      const picked = [random.pick(words), random.pick(words)];
      return { source: picked.join(' '), target: picked.map((word) => words[(words.indexOf(word) + 3) % words.length]).join(' ') };
    });
    const [learnt, unseen] = [rows.slice(0, 200), rows.slice(200)];
    const options = { type: 'generation', train: write('train.jsonl', learnt), test: write('test.jsonl', unseen) };
    const result = await probe(masked, { ...options, epochs: 20, batchSize: 16, learningRate: 0.005 });
    expect(result.metrics.exactMatch!.value).toBeGreaterThan(0.8);
    expect(result.metrics.chrf!.value).toBeGreaterThan(result.floor!.value + 30);
    expect(result.metrics.bleu!.value).toBeLessThanOrEqual(100);
    expect(result).toMatchObject({ examples: 40, trained: 200, main: 'chrf' });
    expect(result.leaks.training).toBeGreaterThan(0);
  }, 120_000);

  test('of a model that does not write asks for pairs to learn from', async () => {
    const file = write('few.jsonl', [
      { source: 'a', target: 'b' },
      { source: 'b', target: 'a' },
    ]);
    await expect(probe(masked, { type: 'generation', test: file })).rejects.toMatchObject({ code: 'probe', hint: /"train"/ });
  });
});

test('a model that predicts no tokens cannot be asked for likelihoods', async () => {
  const run = await trained({ type: 'sop', batchSize: 8, sequenceLength: 32 }, 1);
  const file = write('one.jsonl', [
    { good: 'a', bad: 'b' },
    { good: 'c', bad: 'd' },
  ]);
  await expect(probe(run, { type: 'acceptability', file })).rejects.toMatchObject({ code: 'probe' });
  await expect(probe(run, { type: 'perplexity' })).rejects.toMatchObject({ code: 'probe' });
});
