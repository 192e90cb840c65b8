import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import * as z from 'zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModel } from '../../../src/inspect/model';
import { FAMILIES } from '../../../src/model/families';
import { encoderParameters, mlmHeadParameters } from '../../../src/model/parameters';
import { filled } from '../../../src/onnx/types';
import { Metrics, RunSummary } from '../../../src/shared/types';
import { Tokenizer } from '../../../src/text/tokenizer';
import { loadState, saveCheckpoint } from '../../../src/train/checkpoint';
import { ExperimentSchema, loadRun } from '../../../src/train/experiment';
import { listRuns, readMetrics, Run } from '../../../src/train/run';
import { tinyModel } from '../objectives/fixtures';
import { mutatedBytes, mutatedJson } from './mutate';
import { replay, survives } from './survive';

const root = mkdtempSync(join(tmpdir(), 'fuzz-runs-'));
const runs = join(root, 'runs');
/** The same model as Hugging Face lays it out, with no hashes that would give a change away. */
const model = join(root, 'model');
let run: string;
let checkpoint: string;

beforeAll(async () => {
  const tokenizer = await Tokenizer.train(['The whale and the sea.'], { vocabularySize: 40, lowercase: true });
  const config = { ...tinyModel, vocabularySize: tokenizer.vocabularySize };
  const experiment = ExperimentSchema.parse({ name: 'fuzzed', objectives: [{ type: 'mlm' }] });
  const resolved = { corpus: { summary: 'some text' }, device: 'cpu', threads: 1 };
  const baselines = [{ metric: 'mlm', value: 3, by: 'word frequencies', better: 'lower' as const }];
  mkdirSync(runs);
  const made = Run.create(runs, 'fuzzed', { ...experiment, resolved }, { steps: 10, objectives: ['mlm'], baselines });
  for (let step = 0; step < 4; step++)
    made.metrics({ step, tokens: 8 * step, seconds: step, loss: { total: 3, mlm: 3 }, eval: { mlm: 3 } });
  const tensors = new Map(
    [...encoderParameters(config), ...mlmHeadParameters(config)].map(({ name, shape }) => [name, filled('float32', shape, 0.1)]),
  );
  saveCheckpoint(made.folder, { step: 4, stepsBack: 0, parameters: tensors, optimiser: new Map(), buffers: new Map() }, config, 0, {
    newest: 3,
  });
  made.update({ state: 'stopped', step: 4 });
  tokenizer.save(join(made.folder, 'tokenizer.json'));
  made.close();
  run = made.folder;
  checkpoint = join(run, 'checkpoints', 'step-00000004');
  mkdirSync(model);
  for (const name of ['config.json', 'model.safetensors']) cpSync(join(checkpoint, name), join(model, name));
  tokenizer.save(join(model, 'tokenizer.json'));
});
afterAll(() => rmSync(root, { recursive: true }));

/** All that reads a run's folder. The list must come whatever is in it: one bad run may not hide the others. */
function look(): void {
  for (const summary of z.array(RunSummary).parse(listRuns(runs))) expect(basename(summary.folder)).toBe(summary.id);
  z.array(Metrics).parse(readMetrics(run, -1, 100));
  for (const read of [() => loadRun(run), () => openModel(run), () => loadState(checkpoint)]) read();
}

const FILES = [
  'status.json',
  'experiment.json',
  'metrics.jsonl',
  'tokenizer.json',
  'checkpoints/step-00000004/state.json',
  'checkpoints/step-00000004/config.json',
];

describe(`run folders (${replay})`, { timeout: 120_000 }, () => {
  it('are read as they were made', () => {
    look();
    expect(listRuns(runs)).toMatchObject([{ name: 'fuzzed', state: 'stopped', step: 4, checkpoint: 4 }]);
    expect(openModel(model).predicts).toBe(true);
  });

  it.each(FILES)('with a changed %s are listed, and read or refused', (name) => {
    const path = join(run, name);
    const original = readFileSync(path);
    const json = name.endsWith('.jsonl')
      ? original
          .toString()
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown)
      : [JSON.parse(original.toString()) as unknown];
    try {
      survives(
        fc.oneof(mutatedJson(json), mutatedBytes([original])),
        (contents) => {
          writeFileSync(path, contents);
          look();
        },
        { runs: 150 },
      );
    } finally {
      writeFileSync(path, original);
    }
  });

  it.each(['config.json', 'model.safetensors', 'tokenizer.json'])(
    'that are models from elsewhere, with a changed %s, are read or refused',
    (name) => {
      const path = join(model, name);
      const original = readFileSync(path);
      // A configuration may say that it is of any family.
      const families = name === 'config.json' ? Object.keys(FAMILIES) : [undefined];
      const json = (): object => JSON.parse(original.toString()) as object;
      const mutations = name.endsWith('.json')
        ? fc.oneof(
            mutatedJson(families.map((family) => ({ ...json(), ...(family !== undefined && { model_type: family }) }))),
            mutatedBytes([original]),
          )
        : mutatedBytes([original]);
      try {
        survives(
          mutations,
          (contents) => {
            writeFileSync(path, contents);
            openModel(model);
          },
          { runs: 200 },
        );
      } finally {
        writeFileSync(path, original);
      }
    },
  );

  it.each([
    'status.json',
    'experiment.json',
    'metrics.jsonl',
    'tokenizer.json',
    'checkpoints',
    'lock.json',
    'checkpoints/step-00000004/state.json',
  ])('with something else in place of %s are passed over, or refused', (name) => {
    const path = join(run, name);
    const kept = `${root}/kept`;
    const there = name !== 'lock.json';
    if (there) cpSync(path, kept, { recursive: true });
    const places = [
      () => mkdirSync(path),
      () => writeFileSync(path, ''),
      () => symlinkSync(path, path),
      () => symlinkSync('/nowhere/at/all', path),
    ];
    for (const put of places) {
      rmSync(path, { recursive: true, force: true });
      put();
      survives(fc.constant(undefined), look, { runs: 1 });
    }
    rmSync(path, { recursive: true, force: true });
    if (there) cpSync(kept, path, { recursive: true });
    rmSync(kept, { recursive: true, force: true });
    look();
  });
});
