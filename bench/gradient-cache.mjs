// Peak memory and time of contrastive steps with and without a gradient cache, one thread, on the sample text.
//   npm run build && node bench/gradient-cache.mjs
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const home = fileURLToPath(new URL('..', import.meta.url));
const STEPS = 4;
const ROWS = [
  { pairs: 32, chunk: 0 },
  { pairs: 1024, chunk: 32 },
  { pairs: 1024, chunk: 0 },
];

const folder = mkdtempSync(join(tmpdir(), 'gradient-cache-'));
try {
  process.stdout.write('pairs  at a time  peak MB  s/step    loss after each step\n');
  for (const { pairs, chunk } of ROWS) {
    const { peak, seconds, losses } = await measure(pairs, chunk);
    const cells = [
      String(pairs).padStart(5),
      String(chunk || pairs).padStart(9),
      String(Math.round(peak)).padStart(7),
      seconds.toFixed(2).padStart(6),
    ];
    process.stdout.write(`${cells.join('  ')}    ${losses.map((loss) => loss.toFixed(5)).join(' ')}\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** Trains a few steps; the peak is the kernel's own count (VmHWM) at the last of them, before anything is evaluated again. */
async function measure(pairs, chunk) {
  const path = join(folder, `${pairs}-${chunk}.lab.json`);
  const objective = { type: 'contrastive', positives: 'adjacent', batchSize: pairs, sequenceLength: 32, gradientCache: chunk };
  writeFileSync(
    path,
    JSON.stringify({
      corpus: { root: join(home, 'samples'), include: ['moby-dick/**/*.md'], heldOut: 0.3 },
      tokenizer: { vocabularySize: 2048 },
      model: { preset: 'tiny', dropout: 0, attentionDropout: 0 },
      objectives: [objective],
      training: { steps: STEPS, warmup: 0, device: 'cpu', threads: 1, evaluateEvery: STEPS + 1, checkpointEvery: STEPS + 1 },
    }),
  );
  const child = spawn(process.execPath, [join(home, 'dist', 'cli.js'), 'train', path, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let peak = 0;
  const steps = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.event !== 'step') continue;
    steps.push(event);
    peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024;
  }
  // The first step allocates.
  const seconds = (steps.at(-1).seconds - steps[0].seconds) / (STEPS - 1);
  return { peak, seconds, losses: steps.map(({ loss }) => loss.contrastive) };
}
