// npm start -- --terminal: the sample experiment with no editor, and what the model learned from it.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, samples } from './paths.mjs';
import { Explained } from './run.mjs';

const CLI = join(root, 'dist', 'cli.js');
const MASKED = ['The white [MASK] swam beside the ship.', 'The captain stood upon the [MASK] and looked out over the sea.'];
const COMPARED = 6;

/** @typedef {{ token: string, probability: number }} Candidate */

/**
 * @param {string[]} options passed on to `objective-lab train`, such as --steps and --device
 * @returns {Promise<number>} exit code
 */
export async function terminal(options) {
  const runs = join(samples, '.objective-lab', 'runs');
  const before = new Set(names(runs));
  const code = await train(['train', join(samples, 'quickstart.lab.json'), '--out', runs, ...options]);
  if (code !== 0) return code;
  const name = names(runs).find((run) => !before.has(run));
  if (!name) throw new Explained('The run left no folder behind.');
  const run = join(runs, name);
  console.log(`\n${losses(run)}\n\n${predictions(run)}\n\n${similarities(run)}\n`);
  return 0;
}

/** @param {string} folder */
function names(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * Ctrl-C reaches the command line as well, which stops after the step in hand and saves: wait for it.
 * @param {string[]} args
 * @returns {Promise<number>}
 */
function train(args) {
  const wait = () => undefined;
  process.on('SIGINT', wait);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => {
      process.off('SIGINT', wait);
      resolve(code ?? 1);
    });
  });
}

/** @param {string} run */
function losses(run) {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const evaluations = lines.map((line) => /** @type {import('./follow.mjs').Metrics} */ (JSON.parse(line))).filter((line) => line.eval);
  const last = evaluations.at(-1);
  const { mlm, unigram } = last?.eval ?? {};
  if (last === undefined || mlm === undefined || unigram === undefined) return 'The run ended before its first evaluation.';
  return table('Held-out masked-token loss, in nats', [
    ['by word frequencies alone (unigram entropy)', unigram.toFixed(3)],
    [`by the model after ${last.step} steps`, mlm.toFixed(3)],
    [`${mlm < unigram ? 'below' : 'above'} the unigram entropy by`, Math.abs(unigram - mlm).toFixed(3)],
  ]);
}

/** @param {string} run */
function predictions(run) {
  return MASKED.map((text) => {
    const answer = /** @type {{ predictions: Candidate[][] }} */ (ask(['mask', run, '--text', text, '--top', '5', '--json']));
    return table(
      text,
      (answer.predictions[0] ?? []).map(({ token, probability }) => [token, `${(100 * probability).toFixed(1)} %`]),
    );
  }).join('\n\n');
}

/** @param {string} run */
function similarities(run) {
  const folder = mkdtempSync(join(tmpdir(), 'objective-lab-'));
  try {
    const file = join(folder, 'sentences.txt');
    const sentences = readFileSync(join(samples, 'similar-sentences.txt'), 'utf8').split('\n').slice(0, COMPARED);
    writeFileSync(file, sentences.join('\n'));
    const answer = /** @type {{ units: string[], matrix: number[][] }} */ (ask(['similarity', run, file, '--unit', 'line', '--json']));
    const width = Math.max(...answer.units.map((unit) => unit.length));
    const header = `${' '.repeat(width + 5)}${answer.units.map((_, column) => String(column + 1).padStart(6)).join('')}`;
    const rows = answer.matrix.map((row, index) => {
      const cells = row.map((value) => value.toFixed(2).padStart(6)).join('');
      return `  ${index + 1}  ${(answer.units[index] ?? '').padEnd(width)}${cells}`;
    });
    return ['Cosine similarity of sentence embeddings', header, ...rows].join('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string[]} args
 * @returns {unknown}
 */
function ask(args) {
  /** @type {unknown} */
  const answer = JSON.parse(execFileSync(process.execPath, [CLI, ...args], { encoding: 'utf8' }));
  return answer;
}

/**
 * @param {string} title
 * @param {string[][]} rows label and value
 */
function table(title, rows) {
  const width = Math.max(0, ...rows.map(([label = '']) => label.length));
  return [title, ...rows.map(([label = '', value = '']) => `  ${label.padEnd(width)}  ${value.padStart(7)}`)].join('\n');
}
