// Does memory grow while a model is trained? The slope of the resident memory over the steps after a warm-up, by least squares.
//   npm run build && node bench/memory/steps.mjs [--steps 5000] [--warmup 1000]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { follow } from './follow.mjs';

const { values } = parseArgs({ options: { steps: { type: 'string', default: '5000' }, warmup: { type: 'string', default: '1000' } } });
const [steps, warmup] = [Number(values.steps), Number(values.warmup)];
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'objective-lab-memory-'));
const experiment = {
  corpus: { root: join(root, 'samples'), include: ['moby-dick/*.md'] },
  tokenizer: { vocabularySize: 2048 },
  model: 'tiny',
  objectives: [
    { type: 'mlm', batchSize: 8, sequenceLength: 16 },
    { type: 'contrastive', weight: 0.1, batchSize: 8, sequenceLength: 16 },
  ],
  training: { steps, device: 'cpu', threads: 1, evaluateEvery: 250, checkpointEvery: 250 },
};
writeFileSync(join(folder, 'memory.lab.json'), JSON.stringify(experiment));

/** @type {[step: number, megabytes: number][]} */
const samples = [];
const { peak } = await follow(root, join(folder, 'memory.lab.json'), ({ step }, resident) => {
  if (step % 20 === 0 && step > warmup) samples.push([step, resident]);
});
rmSync(folder, { recursive: true });
const mean = (/** @type {number[]} */ numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const [x, y] = [mean(samples.map(([step]) => step)), mean(samples.map(([, megabytes]) => megabytes))];
const spread = samples.reduce((sum, [step]) => sum + (step - x) ** 2, 0);
const slope = samples.reduce((sum, [step, megabytes]) => sum + (step - x) * (megabytes - y), 0) / spread;
const rest = samples.reduce((sum, [step, megabytes]) => sum + (megabytes - y - slope * (step - x)) ** 2, 0);
const error = Math.sqrt(rest / (samples.length - 2) / spread);
for (let from = warmup; from < steps; from += 500) {
  const part = samples.filter(([step]) => step > from && step <= from + 500).map(([, megabytes]) => megabytes);
  console.log(`after step ${from}: ${Math.min(...part).toFixed(1)} to ${Math.max(...part).toFixed(1)} MB`);
}
console.log(`steps ${warmup} to ${steps}: ${y.toFixed(0)} MB on average, at most ${peak.toFixed(0)} MB`);
console.log(`slope: ${(1000 * slope).toFixed(2)} ± ${(1960 * error).toFixed(2)} MB per 1,000 steps`);
