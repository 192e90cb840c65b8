// What a run says that it will need, against what it then takes: the most memory that the process had less what it had when it said so.
//   npm run build && node bench/memory/plan.mjs [--only NAME]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { follow } from './follow.mjs';

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'objective-lab-memory-'));

const mlm = { type: 'mlm', batchSize: 16, sequenceLength: 128 };
const contrastive = { type: 'contrastive', batchSize: 32, sequenceLength: 32 };
/** @type {Record<string, { model: string | object, objectives: object[], training?: object }>} */
const RUNS = {
  'tiny mlm': { model: 'tiny', objectives: [{ ...mlm, sequenceLength: 64 }] },
  'tiny clm': { model: 'tiny', objectives: [{ ...mlm, type: 'clm' }] },
  'mini mlm': { model: 'mini', objectives: [mlm] },
  'mini mlm+contrastive': { model: 'mini', objectives: [mlm, contrastive] },
  'mini rtd': { model: 'mini', objectives: [{ ...mlm, type: 'rtd' }] },
  'mini seq2seq': { model: 'mini', objectives: [{ ...mlm, type: 'seq2seq', sequenceLength: 64 }] },
  'mini mlm 8 × 512': { model: { preset: 'mini', maxPositions: 512 }, objectives: [{ ...mlm, batchSize: 8, sequenceLength: 512 }] },
  'the same in 2 micro-batches': {
    model: { preset: 'mini', maxPositions: 512 },
    objectives: [{ ...mlm, batchSize: 8, sequenceLength: 512 }],
    training: { microBatches: 2 },
  },
  'the same in 8 micro-batches': {
    model: { preset: 'mini', maxPositions: 512 },
    objectives: [{ ...mlm, batchSize: 8, sequenceLength: 512 }],
    training: { microBatches: 8 },
  },
  'the same, recomputed': {
    model: { preset: 'mini', maxPositions: 512 },
    objectives: [{ ...mlm, batchSize: 8, sequenceLength: 512 }],
    training: { recompute: true },
  },
  'the same in 8 micro-batches, recomputed': {
    model: { preset: 'mini', maxPositions: 512 },
    objectives: [{ ...mlm, batchSize: 8, sequenceLength: 512 }],
    training: { recompute: true, microBatches: 8 },
  },
  'small mlm': { model: 'small', objectives: [mlm] },
};

const STEPS = 6;
const UNITS = { '': 1, k: 1e3, M: 1e6, G: 1e9 };
console.log('| run | estimate MB | measured MB | estimate / measured | seconds a step |\n| --- | ---: | ---: | ---: | ---: |');
for (const [name, { training, ...run }] of Object.entries(RUNS)) {
  if (!name.includes(values.only)) continue;
  const file = join(folder, 'plan.lab.json');
  const experiment = {
    corpus: { root: join(root, 'samples'), include: ['moby-dick/*.md'] },
    tokenizer: { vocabularySize: 8192 },
    ...run,
    training: { steps: STEPS, device: 'cpu', threads: 1, evaluateEvery: STEPS, checkpointEvery: STEPS, ...training },
  };
  writeFileSync(file, JSON.stringify(experiment));
  /** @type {number[]} */
  const times = [];
  const { events, peak } = await follow(root, file, ({ seconds }) => times.push(seconds));
  // The first step is longer; others may be disturbed.
  const fastest = Math.min(...times.slice(1).map((time, i) => time - times[i]));
  const at = events.findIndex(({ message }) => message?.startsWith('Memory: '));
  const [, number, unit] = /about ([\d.]+) (\w?)B/.exec(events[at].message);
  const estimate = (Number(number) * UNITS[/** @type {keyof UNITS} */ (unit)]) / 2 ** 20;
  // Parameters and moments are there when it is said.
  const measured = peak - events[at - 1].resident;
  console.log(
    `| ${name} | ${estimate.toFixed(0)} | ${measured.toFixed(0)} | ${(estimate / measured).toFixed(2)} | ${fastest.toFixed(2)} |`,
  );
}
rmSync(folder, { recursive: true });
