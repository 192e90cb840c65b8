// The power check of comparisons, with real trainings: two variants that are the same with different seeds must come out as not different in at least 9 of
// 10 tries, and one that is broken on purpose must be found worse.
//   npm run build && node bench/power.mjs [--tries 10] [--seeds 3]
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const { values } = parseArgs({ options: { tries: { type: 'string', default: '10' }, seeds: { type: 'string', default: '3' } } });
const [tries, seeds] = [Number(values.tries), Number(values.seeds)];
const cli = resolve('dist/cli.js');
const folder = mkdtempSync(join(tmpdir(), 'objective-lab-power-'));
const LEVEL = 0.05;
/** A learning rate at which nothing holds. */
const BROKEN = 1;
const PAIRS = 300;

/** Numbers below `n` from a linear congruential generator: the text is the same every time. */
let state = 7;
const below = (n) => Math.floor(((state = (state * 1103515245 + 12345) % 2147483648) / 2147483648) * n);
const pick = (list) => list[below(list.length)];
const subjects = ['the whale', 'a sailor', 'the old captain', 'our ship', 'the grey sea', 'a gull', 'the harpooneer', 'the mate'];
const verbs = ['watched', 'followed', 'feared', 'forgot', 'remembered', 'passed', 'called', 'struck'];
const places = ['at dawn', 'in the night', 'off the cape', 'without a word', 'under the mast', 'before the storm'];
const parts = () => [pick(subjects), pick(verbs), pick(subjects), pick(places)];
const sentence = (words) => `${words.join(' ').replace(/^./, (first) => first.toUpperCase())}.`;

mkdirSync(join(folder, 'text'));
for (let i = 0; i < 12; i++) writeFileSync(join(folder, 'text', `${i}.md`), Array.from({ length: 60 }, () => sentence(parts())).join(' '));
// Pairs are as alike as they have parts in common.
const pairs = Array.from({ length: PAIRS }, () => {
  const a = parts();
  const b = parts().map((part, i) => (below(2) ? a[i] : part));
  return [sentence(a), sentence(b), a.filter((part, i) => part === b[i]).length].join('\t');
});
writeFileSync(join(folder, 'pairs.tsv'), ['a\tb\tscore', ...pairs, ''].join('\n'));
writeFileSync(
  join(folder, 'base.lab.json'),
  JSON.stringify({
    corpus: { include: ['text/*.md'], heldOut: 0.2 },
    tokenizer: { vocabularySize: 200 },
    model: { layers: 1, hiddenSize: 32, attentionHeads: 2, maxPositions: 64 },
    objectives: [{ type: 'contrastive', batchSize: 16, sequenceLength: 16 }],
    training: { device: 'cpu', learningRate: 0.003 },
  }),
);

/** Trains variants with so many seeds from one on, and gives each one's values in the order of the seeds. */
function compare(name, from, count) {
  writeFileSync(
    join(folder, `${name}.compare.json`),
    JSON.stringify({
      experiment: 'base.lab.json',
      variants: [{ name: 'whole' }, { name: 'broken', change: { training: { learningRate: BROKEN } } }],
      budget: { tokens: 150 * 16 * 16 * 2 },
      seeds: Array.from({ length: count }, (_, i) => from + i),
      probes: [{ type: 'similarity', name: 'alike', file: 'pairs.tsv' }],
    }),
  );
  execFileSync(process.execPath, [cli, 'compare', `${name}.compare.json`], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const { cells } = JSON.parse(readFileSync(join(folder, '.objective-lab', 'comparisons', name, 'report.json'), 'utf8'));
  return Object.fromEntries(cells.map(({ variant, result }) => [variant, result.values]));
}

/** The product's own test. */
const { outputFiles } = await build({
  entryPoints: ['src/compare/statistics.ts'],
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
});
const { comparePairs } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
const row = (variant, values) => ({ variant, values: new Map(values.map((value, i) => [i, value])) });

const started = performance.now();
let [different, found] = [0, 0];
for (let i = 0; i < tries; i++) {
  const { whole, broken } = compare(`try${i}`, 100 * (i + 1), 2 * seeds);
  // One half of the seeds against the other: the same experiment, with nothing but luck between them.
  const pairs = comparePairs(
    [row('whole', whole.slice(0, seeds)), row('the same', whole.slice(seeds)), row('broken', broken.slice(0, seeds))],
    'higher',
    1 / PAIRS,
  );
  const [same, worse] = ['the same', 'broken'].map((b) => pairs.find((pair) => pair.a === 'whole' && pair.b === b));
  if (same.adjusted < LEVEL) different++;
  if (worse.adjusted < LEVEL && worse.difference > 0) found++;
  const points = ({ difference }) => (100 * difference).toFixed(1);
  console.log(
    `try ${i + 1}: the same ${points(same)} points, p ${same.adjusted.toFixed(3)}; broken ${points(worse)} worse, p ${worse.adjusted.toFixed(4)}`,
  );
}
rmSync(folder, { recursive: true });
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(
  `${tries} tries with ${seeds} seeds in ${seconds} s: what is the same was called different ${different} times, what is broken worse ${found} times.`,
);
process.exitCode = different <= tries / 10 && found >= 0.9 * tries ? 0 : 1;
