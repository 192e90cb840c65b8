import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import * as vscode from 'vscode';
import { experimentJsonSchema, objectiveSnippets } from '../../src/experiment/jsonSchema';
import { newExperiment } from '../../src/experiment/template';
import { Metrics } from '../../src/shared/types';
import { ExperimentSchema } from '../../src/train/experiment';

export const EXTENSION = 'objective-lab.objective-lab';

/** Asks again until there is an answer. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined, timeout = 30_000): Promise<T> {
  for (const end = Date.now() + timeout; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`Not within ${timeout / 1000} s: ${what}.`);
}

/**
 * Runs a command and accepts what it proposes, question by question, until it has ended. It may have ended without effect: a question is gone once another part of
 * the window takes the focus, as the window does now and then while it starts. Whoever wanted something asks again.
 */
export async function accepting(command: string, ...args: unknown[]): Promise<void> {
  const ended = vscode.commands.executeCommand(command, ...args).then(() => true);
  const accept = async (): Promise<boolean> => {
    await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
    await pause(50);
    return false;
  };
  while (!(await Promise.race([ended, accept()])));
}

/** The folder that this execution of the suite may write in. */
export function workspaceUri(...segments: string[]): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (!folder) throw new Error('The suite needs a folder.');
  return vscode.Uri.joinPath(folder.uri, ...segments);
}

/** What a run's `status.json` says, and what its metrics hold so far. */
export interface StoredRun {
  readonly folder: string;
  readonly name: string;
  readonly state: string;
  readonly step: number;
  /** The process that trains it, if one does. */
  readonly pid: number | undefined;
  readonly message?: string;
}

/** The runs with this name, as their folders have them. */
export async function storedRuns(name: string): Promise<StoredRun[]> {
  const runs = workspaceUri('.objective-lab', 'runs').fsPath;
  const folders = await readdir(runs).catch(() => []);
  const found = await Promise.all(
    folders.map(async (id) => {
      const folder = path.join(runs, id);
      // A lock is there, and empty, a moment before it is filled: then it says as little as one that is not there.
      const read = async <T>(file: string): Promise<T | null> =>
        JSON.parse((await readFile(path.join(folder, file), 'utf8').catch(() => '')) || 'null') as T | null;
      const status = await read<Omit<StoredRun, 'folder' | 'pid'>>('status.json');
      const lock = await read<{ pid: number }>('lock.json');
      return status?.name === name ? [{ ...status, folder, pid: lock?.pid }] : [];
    }),
  );
  return found.flat();
}

/** Waits for the run with this name to be in a state. Fails at once when the run failed instead. */
export const runInState = (name: string, state: string, timeout = 60_000): Promise<StoredRun> =>
  until(
    `the run ${name} ${state}`,
    async () => {
      const run = (await storedRuns(name))[0];
      if (run?.state === 'failed' && state !== 'failed') throw new Error(`The run ${name} failed: ${run.message ?? 'no reason given'}`);
      return run?.state === state ? run : undefined;
    },
    timeout,
  );

export async function metricsOf({ folder }: StoredRun): Promise<Metrics[]> {
  const text = await readFile(path.join(folder, 'metrics.jsonl'), 'utf8').catch(() => '');
  // The last line may be half written.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Metrics.parse(JSON.parse(line)));
}

/** Writes a small real experiment on the four chapters of the workspace. */
export async function writeExperiment(
  name: string,
  training: { steps: number; evaluateEvery?: number; checkpointEvery?: number },
): Promise<vscode.Uri> {
  const experiment = {
    name,
    corpus: { root: 'text' },
    tokenizer: { vocabularySize: 1000 },
    model: 'tiny',
    objectives: [
      { type: 'mlm', batchSize: 8, sequenceLength: 32 },
      { type: 'contrastive', weight: 0.1, batchSize: 8, sequenceLength: 32 },
    ],
    training: { learningRate: 0.001, ...training },
  };
  const uri = workspaceUri(`${name}.lab.json`);
  await writeFile(uri.fsPath, JSON.stringify(experiment, null, 2));
  return uri;
}

/** What New Experiment writes for masked language modelling and contrastive learning. */
export const template = (name: string): string =>
  newExperiment(
    name,
    objectiveSnippets(experimentJsonSchema(ExperimentSchema)).filter(({ label }) => ['mlm', 'contrastive'].includes(label)),
  );

/** Opens an experiment whose text is the template's with one piece replaced, and waits for its problems. */
export async function problemsOf(
  name: string,
  piece: string,
  replacement: string,
): Promise<{ document: vscode.TextDocument; problems: vscode.Diagnostic[] }> {
  const text = template(name);
  if (!text.includes(piece)) throw new Error(`The template holds no ${piece}.`);
  const uri = workspaceUri(`${name}.lab.json`);
  await writeFile(uri.fsPath, text.replace(piece, replacement));
  const document = await vscode.workspace.openTextDocument(uri);
  const problems = await until(`problems in ${name}.lab.json`, () => {
    const found = vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'Objective Lab');
    return found.length > 0 ? found : undefined;
  });
  return { document, problems };
}
