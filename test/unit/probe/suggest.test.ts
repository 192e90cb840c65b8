import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProbeOptions } from '../../../src/experiment/probes';
import { offeredProbes, suggestProbes, useOf } from '../../../src/probe/suggest';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'suggest-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
};

describe('probes that are suggested', () => {
  it.each([
    ['sentence label', 'classification', { text: 'sentence', label: 'label' }],
    ['id premise hypothesis gold_label', 'pair', { a: 'premise', b: 'hypothesis', label: 'gold_label' }],
    ['pair_ID sentence_A sentence_B relatedness_score entailment_judgment', 'similarity', { a: 'sentence_A', b: 'sentence_B' }],
    ['query passage', 'retrieval', { query: 'query', document: 'passage' }],
    ['question answer', 'retrieval', { query: 'question', document: 'answer' }],
    ['source target', 'generation', { source: 'source', target: 'target' }],
    ['sentence_good sentence_bad field', 'acceptability', { good: 'sentence_good', bad: 'sentence_bad' }],
  ])('follow from the columns %s', (columns, type, named) => {
    expect(useOf(columns.split(' '))).toMatchObject({ type, columns: named });
  });

  it('follow from no columns that are not known', () => {
    expect(useOf(['x', 'y', 'text'])).toBeUndefined();
  });

  it('are one for the splits of a data set, valid as they are, whatever the format', async () => {
    const files = [
      write('sst/test.tsv', 'sentence\tlabel\nGood.\t1\n'),
      write('sst/train.tsv', 'sentence\tlabel\nBad.\t0\n'),
      write('sts-dev.csv', '"sentence1","sentence2",score\na,b,1\n'),
      write('sts-test.csv', 'sentence1,sentence2,score\na,b,1\n'),
      write('topics.jsonl', '{"text":"x","label":"y"}\n'),
      write('other.csv', 'x,y\n1,2\n'),
      write('broken.jsonl', '{"text"\n'),
    ];
    const suggested = await suggestProbes(folder, files);
    expect(suggested.map(({ options }) => options)).toEqual([
      { type: 'classification', name: 'sst', train: 'sst/train.tsv', test: 'sst/test.tsv', text: 'sentence', label: 'label' },
      { type: 'similarity', name: 'sts', file: 'sts-test.csv', a: 'sentence1', b: 'sentence2', score: 'score' },
      { type: 'classification', name: 'topics', train: 'topics.jsonl', text: 'text', label: 'label' },
    ]);
    for (const { options } of suggested) expect(ProbeOptions.safeParse(options).success).toBe(true);
  });
});

describe('probes that the form of a comparison offers', () => {
  const experiment = (probes: unknown): string =>
    write('base.lab.json', `{ /* as people write it */ "probes": ${JSON.stringify(probes)}, }`);
  const labelled = 'text\tlabel\nGood.\t1\n';

  it('begin with those of the experiment as they are, and take no table twice', async () => {
    const own = { type: 'classification', name: 'mood', train: 'mood/train.tsv', epochs: 9 };
    const files = [write('mood/train.tsv', labelled), write('topics.tsv', labelled)];
    const offered = await offeredProbes(experiment([own, { type: 'perplexity' }]), folder, files);
    expect(offered.map(({ options }) => options)).toEqual([
      own,
      { type: 'perplexity' },
      { type: 'classification', name: 'topics', train: 'topics.tsv', text: 'text', label: 'label' },
    ]);
    expect(offered[0]!.detail).toBe('Classification, of base.lab.json');
  });

  it('have names of their own, as a comparison asks for', async () => {
    const files = [write('a/topics.tsv', labelled), write('b/topics.tsv', labelled)];
    const offered = await offeredProbes(experiment([{ type: 'similarity', name: 'topics', file: 'x.tsv' }]), folder, files);
    expect(offered.map(({ name, options }) => [name, options.name])).toEqual([
      ['topics', 'topics'],
      ['topics (2)', 'topics (2)'],
      ['topics (3)', 'topics (3)'],
      ['perplexity', undefined],
    ]);
  });

  it('leave out what is wrong in the experiment, which its own check tells of', async () => {
    const names = async (probes: unknown): Promise<string[]> =>
      (await offeredProbes(experiment(probes), folder, [])).map(({ name }) => name);
    expect(await names('none')).toEqual(['perplexity']);
    expect(await names([{ type: 'guess' }, 7])).toEqual(['perplexity']);
  });

  it('are read from Parquet and from STS-B, whose .csv is parted by tabs', async () => {
    copyFileSync(join(import.meta.dirname, '../../oracle/table.parquet'), join(folder, 'films.parquet'));
    const files = [join(folder, 'films.parquet'), write('sts.csv', 'sentence1\tsentence2\tscore\na, b\tc\t1\n')];
    expect((await suggestProbes(folder, files)).map(({ options }) => options)).toEqual([
      { type: 'classification', name: 'films', train: 'films.parquet', text: 'sentence', label: 'label' },
      { type: 'similarity', name: 'sts', file: 'sts.csv', a: 'sentence1', b: 'sentence2', score: 'score' },
    ]);
  });
});
