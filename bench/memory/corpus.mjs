// A corpus of 1 GB is prepared and trained on: tokens/s of the preparation, and the most memory that the process ever had.
//   npm run build && node bench/memory/corpus.mjs [--megabytes 1000] [--steps 50] [--folder FOLDER]
//
// tokens/s = tokens written (training and held-out) / seconds from the start of the process to the end of the preparation: hashing, training the
// tokenizer, cutting sentences, encoding and splitting. Peak RSS is the kernel's VmHWM, threads and native libraries included.
import { createWriteStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { follow } from './follow.mjs';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1000' },
    steps: { type: 'string', default: '50' },
    folder: { type: 'string' },
  },
});
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'objective-lab-memory-'));

/** Sentences of the sample book in random order, with new words among them, in files of very different sizes: one has a third of the whole. */
async function writeCorpus() {
  const chapters = join(root, 'samples', 'moby-dick');
  const text = readdirSync(chapters).map((name) => readFileSync(join(chapters, name), 'utf8'));
  const sentences = text.join('\n').match(/[^.!?\n]{20,300}[.!?]/g) ?? [];
  let state = 12345;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  const word = () =>
    Array.from(
      { length: 2 + Math.floor(random() * 3) },
      () => 'bcdfglmnprst'[Math.floor(random() * 12)] + 'aeiou'[Math.floor(random() * 5)],
    ).join('');
  const total = Number(values.megabytes) * 1e6;
  const sizes = [total / 3, ...Array.from({ length: 200 }, () => total / 300)];
  mkdirSync(join(folder, 'text'), { recursive: true });
  for (const [i, size] of sizes.entries()) {
    const file = createWriteStream(join(folder, 'text', `${String(i).padStart(4, '0')}.txt`));
    for (let written = 0; written < size;) {
      let block = '';
      while (block.length < 1e5) {
        const sentence = sentences[Math.floor(random() * sentences.length)].trim().replace(/\s+/g, ' ');
        block += random() < 0.3 ? `${sentence.replace(/\w+/, word())} ` : `${sentence} `;
        if (random() < 0.2) block += '\n\n';
      }
      written += block.length;
      if (!file.write(block)) await once(file, 'drain');
    }
    file.end();
    await once(file, 'finish');
  }
}

await writeCorpus();
const experiment = {
  corpus: { include: ['text/*.txt'] },
  tokenizer: { vocabularySize: 8192 },
  model: 'tiny',
  objectives: [
    { type: 'mlm', batchSize: 16, sequenceLength: 128 },
    { type: 'contrastive', weight: 0.1, batchSize: 16, sequenceLength: 32 },
  ],
  training: { steps: Number(values.steps), device: 'cpu', threads: 1, evaluateEvery: 1000, checkpointEvery: 1000 },
};
writeFileSync(join(folder, 'memory.lab.json'), JSON.stringify(experiment));
const { events, peak } = await follow(root, join(folder, 'memory.lab.json'));
const prepared = events.find(({ message }) => /tokens to train on/.test(message ?? ''));
const [train, heldOut] = [/(\d+) tokens to train on/, /(\d+) held out/].map((pattern) => Number(pattern.exec(prepared.message)[1]));
for (const { at, event, message } of events) if (event === 'status') console.log(`${at.toFixed(1).padStart(7)} s  ${message}`);
console.log(`tokens/s of the preparation: ${Math.round((train + heldOut) / prepared.at).toLocaleString('en')}`);
console.log(`peak RSS: ${peak.toFixed(0)} MB`);
if (values.folder === undefined) rmSync(folder, { recursive: true });
