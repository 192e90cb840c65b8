import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../shared/errors';
import type { NewComparison } from '../../shared/trainer-protocol';
import { chooseExperiment, exists } from '../experiments';
import type { Lab } from '../lab';
import { basename, isExperiment, OUTSIDE, requireTrust } from '../workspace';
import { offeredVariants, parseBudget, type Budget, type NewVariant } from './choices';

const TITLE = 'Compare Objectives';
/** Questions that are asked after the experiment is known. */
const STEPS = 5;
/** More tables than a person chooses from. */
const MOST_FILES = 500;

interface Choice<T> extends vscode.QuickPickItem {
  readonly value: T;
}

/** Asks for base experiment, variants, budget, seeds and probes, writes a commented `NAME.compare.json` beside the experiment, and opens it. */
export async function compareObjectives(lab: Lab, called: vscode.Uri | undefined): Promise<void> {
  requireTrust();
  const experiment = await chooseExperiment(
    lab,
    called && isExperiment(called) ? called : undefined,
    TITLE,
    'What the variants have in common',
  );
  if (!experiment) return;
  const variants = await chooseVariants(lab);
  const budget = variants && (await chooseBudget());
  const seeds = budget && (await chooseSeeds());
  const probes = seeds && (await chooseProbes(lab, experiment));
  const name = probes && (await chooseName(experiment));
  if (!variants || !budget || !seeds || !probes || !name) return;
  const uri = fileOf(experiment, name);
  const choices = { experiment: experiment.fsPath, variants, budget, seeds, probes };
  const { text } = await lab.inspection.request('comparisonTemplate', choices);
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  await vscode.window.showTextDocument(uri);
}

const fileOf = (experiment: vscode.Uri, name: string): vscode.Uri => vscode.Uri.joinPath(experiment, '..', `${name.trim()}.compare.json`);

async function chooseVariants({ inspection }: Lab): Promise<NewVariant[] | undefined> {
  const known = await inspection.request('objectives', {});
  const titles = new Map(known.map(({ type, title, goodFor }) => [type, { title, goodFor }]));
  const items = offeredVariants(known).map((value, i): Choice<NewVariant> => {
    const [first, ...others] = value.objectives.map((type) => titles.get(type)!);
    return {
      label: value.name,
      description: [first!, ...others].map(({ title }) => title).join(' and '),
      ...(others.length === 0 && { detail: first!.goodFor }),
      // Comparing with the usual choice is what most people want.
      picked: i === 0 || value.name === 'mlm + contrastive',
      value,
    };
  });
  return many(items, 1, 'Variants: objectives, alone or together', 'No variant was chosen.');
}

async function chooseBudget(): Promise<Budget | undefined> {
  const budget = (unit: Budget['unit'], amount: number): Budget => ({ unit, amount });
  const items: Choice<Budget | undefined>[] = [
    { label: '2 TFLOP', description: 'a look: under a minute each with a tiny model', value: budget('flops', 2e12) },
    { label: '20 TFLOP', description: 'a first answer: some minutes each with a tiny model', value: budget('flops', 2e13) },
    { label: '200 TFLOP', description: 'an answer: about an hour each', value: budget('flops', 2e14) },
    { label: '5 million tokens', description: 'equal text; dearer objectives then spend more', value: budget('tokens', 5e6) },
    { label: '60 seconds', description: 'equal time on this machine, by a measurement', value: budget('seconds', 60) },
    { label: 'Another amount…', value: undefined },
  ];
  const picked = await one(items, 2, 'What each member may spend; it decides the number of steps');
  return picked && (picked.value ?? askBudget());
}

async function askBudget(): Promise<Budget | undefined> {
  const text = await vscode.window.showInputBox({
    title: title(2),
    prompt: 'An amount and its unit: flops, tokens or seconds.',
    value: '1e13 flops',
    validateInput: (value) => (parseBudget(value) ? undefined : 'Such as 1e13 flops, 5000000 tokens or 120 seconds.'),
  });
  return text === undefined ? undefined : parseBudget(text);
}

async function chooseSeeds(): Promise<number | undefined> {
  const items: Choice<number>[] = [
    { label: '3', description: 'the least that says something of luck', value: 3 },
    { label: '5', description: 'tells smaller differences apart', value: 5 },
    { label: '10', description: 'for a table in a paper', value: 10 },
    { label: '1', description: 'a rehearsal: nothing can be told from luck', value: 1 },
  ];
  return (await one(items, 3, 'How many seeds each variant is trained with'))?.value;
}

async function chooseProbes({ inspection }: Lab, experiment: vscode.Uri): Promise<NewComparison['probes'] | undefined> {
  const folder = dirname(experiment.fsPath);
  const tables = await vscode.workspace.findFiles('**/*.{tsv,csv,jsonl,parquet}', OUTSIDE, MOST_FILES);
  const files = tables.map(({ fsPath }) => fsPath).sort();
  const offered = await inspection.request('suggestProbes', { experiment: experiment.fsPath, folder, files });
  const items = offered.map(({ name, detail, options }): Choice<Record<string, unknown>> => ({
    label: name,
    detail,
    picked: true,
    value: options,
  }));
  return many(
    items,
    4,
    'Downstream tasks: those of the experiment, and tables of the workspace with columns that are known',
    'No probe was chosen.',
  );
}

async function chooseName(experiment: vscode.Uri): Promise<string | undefined> {
  return vscode.window.showInputBox({
    title: title(5),
    prompt: `Name of the comparison; the file is NAME.compare.json beside ${basename(experiment)}.`,
    value: basename(experiment).replace(/\.lab\.json$/, '-objectives'),
    validateInput: async (value) => {
      if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(value.trim())) return 'Letters, digits, spaces, dots, hyphens and underscores.';
      return (await exists(fileOf(experiment, value))) ? `${value.trim()}.compare.json exists already.` : undefined;
    },
  });
}

const title = (step: number): string => `${TITLE} (${step}/${STEPS})`;

const one = <T>(items: readonly Choice<T>[], step: number, placeHolder: string): Thenable<Choice<T> | undefined> =>
  vscode.window.showQuickPick(items, { title: title(step), placeHolder, matchOnDescription: true });

/** What was ticked, at least one. @throws UserError with `nothing` when nothing was */
async function many<T>(items: readonly Choice<T>[], step: number, placeHolder: string, nothing: string): Promise<T[] | undefined> {
  const options = { title: title(step), placeHolder, matchOnDescription: true, matchOnDetail: true, canPickMany: true } as const;
  const picked = await vscode.window.showQuickPick(items, options);
  if (picked?.length === 0) throw new UserError(nothing, 'Tick at least one.', 'comparison');
  return picked?.map(({ value }) => value);
}
