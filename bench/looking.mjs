// What the inspector waits for, with mini on the sample text: 1,000 sentences embedded and compared, and the surprisal of a paragraph after an edit.
//   npm run build && node bench/looking.mjs
import { execFileSync, fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { env, pipeline } from '@huggingface/transformers';

const home = fileURLToPath(new URL('..', import.meta.url));
const SENTENCES = 1000;
const ROUNDS = 5;
const book = join(home, 'samples', 'moby-dick');
const chapters = readdirSync(book)
  .filter((name) => /^\d/.test(name))
  .map((name) => readFileSync(join(book, name), 'utf8'));

const folder = mkdtempSync(join(tmpdir(), 'looking-'));
const cli = (...args) =>
  JSON.parse(
    execFileSync(process.execPath, [join(home, 'dist', 'cli.js'), ...args, '--json'], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .at(-1),
  );
let trainer;
try {
  const experiment = join(folder, 'mini.lab.json');
  writeFileSync(
    experiment,
    JSON.stringify({
      corpus: { root: join(home, 'samples'), include: ['moby-dick/**/*.md'] },
      tokenizer: { vocabularySize: 8192 },
      model: 'mini',
      objectives: [{ type: 'mlm', batchSize: 8, sequenceLength: 128 }],
      training: { steps: 1, device: 'cpu', evaluateEvery: 1, checkpointEvery: 1 },
    }),
  );
  const { run } = cli('train', experiment);
  cli('export', run, join(folder, 'model'));
  trainer = fork(join(home, 'dist', 'trainer.js'), [], { serialization: 'advanced' });
  let id = 0;
  const ask = (method, params) =>
    new Promise((resolve, reject) => {
      const own = ++id;
      const listen = (message) => {
        if (message.id !== own) return;
        trainer.off('message', listen);
        if (message.kind === 'reply') resolve(message.result);
        else reject(new Error(message.error.message));
      };
      trainer.on('message', listen);
      trainer.send({ kind: 'request', id: own, method, params: { model: run, ...params } });
    });
  const timed = async (work) => {
    const start = performance.now();
    const result = await work();
    return [performance.now() - start, result];
  };

  // Other chapters every time: what was seen before is remembered.
  const texts = Array.from({ length: ROUNDS + 1 }, (_, i) => chapters.slice(i * 20).join('\n\n'));
  await ask('similarity', { text: texts[0].slice(0, 20_000), unit: 'sentence', limit: SENTENCES });
  env.allowRemoteModels = false;
  env.localModelPath = `${folder}/`;
  const embed = await pipeline('feature-extraction', 'model', { dtype: 'fp32' });
  const ratios = [];
  const ours = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [milliseconds, { units }] = await timed(() => ask('similarity', { text: texts[round + 1], unit: 'sentence', limit: SENTENCES }));
    const [peer] = await timed(async () => {
      for (let i = 0; i < units.length; i += 16)
        await embed(
          units.slice(i, i + 16).map(({ text }) => text),
          { pooling: 'mean', normalize: true },
        );
    });
    ours.push(milliseconds);
    ratios.push(peer / milliseconds);
  }
  print(`${SENTENCES} sentences embedded, each compared with each`, ours);
  process.stdout.write(`  transformers.js, the same model, in batches of 16 as they come: ${median(ratios).toFixed(2)} times as long\n`);

  const paragraphs = chapters
    .flatMap((chapter) => chapter.split('\n\n'))
    .filter((text) => text.length > 400 && text.length < 1200)
    .slice(0, 40);
  for (const quick of [true, false]) {
    const edits = [];
    for (const text of paragraphs) {
      await ask('surprisal', { text, quick });
      const middle = text.indexOf(' ', text.length / 2);
      const [milliseconds] = await timed(() => ask('surprisal', { text: `${text.slice(0, middle)} whale${text.slice(middle)}`, quick }));
      edits.push(milliseconds);
    }
    const words = median(paragraphs.map((text) => text.split(/\s+/).length));
    print(
      `surprisal after an edit in a paragraph of ${words} words, ${quick ? 'every fourth hidden at once' : 'each hidden alone'}`,
      edits,
    );
  }
  const predictions = [];
  for (const text of paragraphs) {
    const start = text.indexOf(' ', 200) + 1;
    const [milliseconds] = await timed(() => ask('predict', { text, spans: [{ start, end: text.indexOf(' ', start) }], top: 5 }));
    predictions.push(milliseconds);
  }
  print('prediction of one hidden word', predictions);
} finally {
  trainer?.kill();
  rmSync(folder, { recursive: true });
}

function print(what, numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
  process.stdout.write(`${what}: median ${at(0.5)} ms, 95th percentile ${at(0.95)} ms (${sorted.length} times)\n`);
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
