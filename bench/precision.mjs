// Losses of the same training in float32 and with matrix products in bfloat16, by the CPU's imitation of them, on the sample text; and of another seed in
// float32, to see what a difference is worth.
//   npm run build && node bench/precision.mjs [OBJECTIVE…]
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const home = fileURLToPath(new URL('..', import.meta.url));
const [STEPS, WINDOW] = [500, 100];
const ROWS = [
  { type: 'mlm', batchSize: 64, sequenceLength: 16, rate: 0.3 },
  { type: 'clm', batchSize: 32, sequenceLength: 32 },
  { type: 'contrastive', positives: 'adjacent', batchSize: 64, sequenceLength: 32 },
];
const named = process.argv.slice(2);
const unknown = named.find((name) => !ROWS.some(({ type }) => type === name));
if (unknown !== undefined) throw new Error(`There is no row "${unknown}"; there are ${ROWS.map(({ type }) => type).join(', ')}.`);
const rows = ROWS.filter(({ type }) => named.length === 0 || named.includes(type));

const folder = mkdtempSync(join(tmpdir(), 'precision-'));
try {
  process.stdout.write(
    `Relative differences from float32, |x − y| / y, over ${STEPS} steps: of the mean training loss of windows of ${WINDOW} steps, the largest; of the\n` +
      'held-out loss at the end, each run measured in its own precision.\n\n' +
      'objective    held-out fp32  bf16    s/step fp32  bf16   windows bf16  seed 2   held-out bf16  seed 2\n',
  );
  for (const objective of rows) {
    const plain = await train(objective, 'fp32', 1);
    const mixed = await train(objective, 'bf16', 1);
    const other = await train(objective, 'fp32', 2);
    const cells = [
      objective.type.padEnd(11),
      plain.heldOut.toFixed(4).padStart(14),
      mixed.heldOut.toFixed(4).padStart(6),
      plain.seconds.toFixed(3).padStart(11),
      mixed.seconds.toFixed(3).padStart(5),
      percent(largest(mixed.windows, plain.windows)).padStart(13),
      percent(largest(other.windows, plain.windows)).padStart(7),
      percent(difference(mixed.heldOut, plain.heldOut)).padStart(14),
      percent(difference(other.heldOut, plain.heldOut)).padStart(7),
    ];
    process.stdout.write(`${cells.join('  ')}\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** Mean training losses of windows, the held-out loss at the end, and the seconds of a step. */
async function train(objective, precision, seed) {
  const path = join(folder, `${objective.type}-${precision}-${seed}.lab.json`);
  writeFileSync(
    path,
    JSON.stringify({
      seed,
      corpus: { root: join(home, 'samples'), include: ['moby-dick/**/*.md'] },
      tokenizer: { vocabularySize: 2048 },
      model: { preset: 'tiny', attentionHeads: 4, dropout: 0, attentionDropout: 0.1 },
      objectives: [objective],
      training: {
        steps: STEPS,
        device: 'cpu',
        threads: 1,
        precision,
        learningRate: 0.002,
        schedule: 'cosine',
        evaluateEvery: STEPS,
        checkpointEvery: STEPS,
      },
    }),
  );
  const child = spawn(process.execPath, [join(home, 'dist', 'cli.js'), 'train', path, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const steps = [];
  let heldOut;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.event === 'step') steps.push(event);
    heldOut = event.eval?.[objective.type] ?? heldOut;
  }
  const losses = steps.map(({ loss }) => loss[objective.type]);
  if (losses.length !== STEPS) throw new Error(`${path} did ${losses.length} steps.`);
  const windows = Array.from({ length: STEPS / WINDOW }, (_, i) => mean(losses.slice(i * WINDOW, (i + 1) * WINDOW)));
  return { windows, heldOut, seconds: (steps.at(-1).seconds - steps[0].seconds) / (STEPS - 1) };
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function difference(a, b) {
  return Math.abs(a - b) / b;
}

function largest(values, reference) {
  return Math.max(...values.map((value, i) => difference(value, reference[i])));
}

function percent(share) {
  return `${(100 * share).toFixed(3)} %`;
}
