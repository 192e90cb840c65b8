import { dirname, resolve } from 'node:path';
import { existsSync } from 'node:fs';
import { parseProbes } from '../experiment/parse';
import { nearest } from '../experiment/nearest';
import type { ProbeOptions } from '../experiment/probes';
import { openModel, runBehind } from '../inspect/model';
import { probeName, runProbe } from '../probe';
import { UserError } from '../shared/errors';
import type { ProbeResult } from '../shared/probe-types';
import { loadRun } from '../train/experiment';
import { readText } from './file';
import { grid, pageWidth, wrapped } from './text';

/** A probe with the folder that its file names are relative to. */
interface Named {
  readonly options: ProbeOptions;
  readonly folder: string;
}

/** Milliseconds. */
const BETWEEN_MESSAGES = 2000;

/** Measures a model by downstream tasks. @param given names of the run's own probes, paths of JSON files, or JSON; all of the run's own when there is none */
export async function probeCommand(path: string, given: readonly string[], { json }: { json?: boolean }): Promise<void> {
  const model = openModel(resolve(path));
  const run = runBehind(resolve(path));
  const own = run === undefined ? [] : ownProbes(run);
  const named = given.length > 0 ? given.flatMap((each) => find(each, own)) : own;
  if (named.length === 0) {
    const what = run === undefined ? `${path} is no run, so it has no probes of its own.` : `The experiment of ${path} has no probes.`;
    throw new UserError(what, 'Name one: a JSON file, or JSON such as {"type":"perplexity"}.', 'probe');
  }
  const results: ProbeResult[] = [];
  let last = -Infinity;
  for (const { options, folder } of named) {
    const onProgress = (message: string): void => {
      if (json || performance.now() - last < BETWEEN_MESSAGES) return;
      last = performance.now();
      process.stderr.write(`${probeName(options)}: ${message}\n`);
    };
    results.push(await runProbe(options, { model, run, folder, onProgress }));
  }
  process.stdout.write(json ? `${JSON.stringify({ probes: results })}\n` : `${probeTable(results)}\n`);
}

function ownProbes(run: string): Named[] {
  const { experiment, folder } = loadRun(run);
  return experiment.probes.map((options) => ({ options, folder }));
}

function find(text: string, own: readonly Named[]): Named[] {
  const mine = own.filter(({ options }) => probeName(options) === text);
  if (mine.length > 0) return mine;
  if (/^\s*[[{]/.test(text)) return inline(text).map((options) => ({ options, folder: process.cwd() }));
  if (existsSync(text)) return parseProbes(readText(text), text).map((options) => ({ options, folder: dirname(resolve(text)) }));
  const names = own.map(({ options }) => probeName(options));
  const meant = nearest(text, names);
  const known = names.length > 0 ? `The experiment has ${names.map((name) => `"${name}"`).join(', ')}.` : 'The experiment has none.';
  throw new UserError(
    `There is no probe "${text}", nor such a file. ${meant === undefined ? known : `Did you mean "${meant}"?`}`,
    'Name a probe of the experiment, a JSON file, or JSON.',
    'probe',
  );
}

/** @throws UserError (code `probe`) that speaks of no file, since there is none */
function inline(text: string): ProbeOptions[] {
  try {
    return parseProbes(text, 'probe');
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message, 'docs/probes.md has every kind of probe with its fields.', error.code, { cause: error });
  }
}

/** Every metric with its interval, and below what a reader must know of each probe. */
export function probeTable(results: readonly ProbeResult[]): string {
  const rows = results.flatMap(({ name, metrics, main, floor }) =>
    Object.entries(metrics).map(([metric, { value, low, high }], i) => [
      i === 0 ? name : '',
      metric,
      shown(value),
      `${shown(low)} to ${shown(high)}`,
      metric === main && floor ? `${shown(floor.value)} by ${floor.by}` : '',
    ]),
  );
  const table = grid([['probe', 'metric', 'value', '95 % interval', 'without a model'], ...rows], [0, 1, 3, 4]);
  const notes = results.map((result) => wrapped(`${result.name}: ${notesOf(result).join(' ')}`, pageWidth()).join('\n'));
  return `${table}\n\n${notes.join('\n')}`;
}

function notesOf({ examples, trained, leaks, notes, seconds }: ProbeResult): string[] {
  const learnt = trained === undefined ? '' : `, learnt from ${trained}`;
  const leaked = Object.entries({ 'the pre-training text': leaks.corpus, 'the training examples': leaks.training }).flatMap(
    ([where, count]) => (count === undefined ? [] : `${count} of them stand in ${where}.`),
  );
  return [`${examples} test examples${learnt}.`, ...leaked, ...notes, `${seconds.toFixed(1)} s.`];
}

const shown = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(3));
