import * as vscode from 'vscode';
import { UserError } from '../shared/errors';
import type { RunSummary } from '../shared/types';
import { resumeComparison, runComparison, stopComparison, chooseComparison } from './compare/run-comparison';
import type { ListedComparison } from './compare/comparisons';
import { compareObjectives } from './compare/new-comparison';
import { newExperiment } from './experiments';
import { predictHere } from './editor/predict-here';
import { replaceText } from './editor/replacement';
import { surprisalMenu } from './editor/surprisal-status';
import { newExploration, openAsNotebook } from './notebook/commands';
import { exportModel } from './export-model';
import type { Lab } from './lab';
import { isUnfinished } from './run-list';
import { resumeRun, startRun, stopRun } from './start-run';
import { requireTrust } from './workspace';

/** A row of the runs view, as its commands receive it. */
export interface RunItem {
  readonly run: RunSummary;
}

/** The same of a comparison. */
export interface ComparisonItem {
  readonly comparison: ListedComparison;
}

/** Registers every command; whatever one throws is shown to the person, never lost. */
export function registerCommands(lab: Lab): vscode.Disposable {
  const { reporter, runs } = lab;
  const commands: Readonly<Record<string, (argument: unknown) => unknown>> = {
    newExperiment: (wanted) => newExperiment(lab, isTexts(wanted) ? wanted : undefined),
    startRun: (uri) => startRun(lab, uri instanceof vscode.Uri ? uri : undefined),
    resumeRun: (item) => resumeRun(lab, isRunItem(item) ? item.run : undefined),
    stopRun: (item) => stopRun(lab, isRunItem(item) ? item.run : undefined),
    openInspector: (item) => lab.inspector.open(isRunItem(item) ? item.run.folder : undefined),
    openDashboard: async (item) => {
      if (!isRunItem(item) && !runs.known) await runs.refresh();
      lab.dashboard.open(isRunItem(item) ? item.run.folder : runs.foremost?.folder);
    },
    compareObjectives: (uri) => compareObjectives(lab, uri instanceof vscode.Uri ? uri : undefined),
    runComparison: (uri) => runComparison(lab, uri instanceof vscode.Uri ? uri : undefined),
    resumeComparison: (item) => (isComparisonItem(item) ? resumeComparison(lab, item.comparison) : runComparison(lab, undefined)),
    stopComparison: (item) => stopComparison(lab, isComparisonItem(item) ? item.comparison : undefined),
    openComparison: async (item) =>
      lab.comparison.open(
        isComparisonItem(item) ? item.comparison.folder : await chooseComparison(lab, item instanceof vscode.Uri ? item : undefined),
      ),
    openAdvisor: () => lab.advisor.open(),
    checkMachine: () => lab.machine.open(),
    setUpCuda: (from) => lab.machine.setUpCuda(from instanceof vscode.Uri ? from.fsPath : undefined),
    showRuns: () => vscode.commands.executeCommand('objectiveLab.runs.focus'),
    exportModel: (item) => exportModel(lab, runOf(item)),
    openRunFolder: (item) => vscode.commands.executeCommand('revealFileInOS', vscode.Uri.file(runOf(item).folder)),
    newExploration: () => newExploration(),
    openAsNotebook: (item) => openAsNotebook(lab, isRunItem(item) ? item.run : item instanceof vscode.Uri ? item : undefined),
    restartKernel: (context) => lab.notebooks.restart(notebookOf(context)),
    deleteRun: (item) => deleteRun(lab, runOf(item)),
    showLog: () => reporter.log.show(),
    toggleSurprisal: () => lab.surprisal.toggle(),
    surprisalMenu: () => surprisalMenu(lab.surprisal),
    predictHere: () => predictHere(lab),
    replaceText: (replacement) => replaceText(replacement),
    revealNeighbour: (neighbour) => lab.nearest.reveal(neighbour),
  };
  return vscode.Disposable.from(
    ...Object.entries(commands).map(([id, run]) =>
      vscode.commands.registerCommand(`objectiveLab.${id}`, async (argument: unknown) => {
        try {
          await run(argument);
        } catch (error) {
          reporter.show(error);
        }
      }),
    ),
  );
}

async function deleteRun({ runs, training }: Lab, { name, id, folder }: RunSummary): Promise<void> {
  requireTrust();
  if (folder === training.live?.folder) throw new UserError(`${name} is being trained.`, 'Stop it first, then delete it.', 'busy');
  const current = runs.find(folder);
  const detail = current && isUnfinished(current) ? 'Another process may be training it. ' : '';
  const pressed = await vscode.window.showWarningMessage(
    `Delete the run ${id}?`,
    { modal: true, detail: `${detail}Its checkpoints and metrics go with it.` },
    'Delete',
  );
  if (!pressed) return;
  await remove(vscode.Uri.file(folder));
  await runs.refresh();
}

/** To the trash where there is one (a remote machine often has none). */
async function remove(folder: vscode.Uri): Promise<void> {
  try {
    await vscode.workspace.fs.delete(folder, { recursive: true, useTrash: true });
  } catch {
    await vscode.workspace.fs.delete(folder, { recursive: true, useTrash: false });
  }
}

/** The notebook whose toolbar a command was pressed in. */
function notebookOf(context: unknown): vscode.Uri | undefined {
  const { notebookEditor } = (context ?? {}) as { notebookEditor?: { notebookUri?: unknown } };
  return notebookEditor?.notebookUri instanceof vscode.Uri ? notebookEditor.notebookUri : undefined;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}

function isComparisonItem(value: unknown): value is ComparisonItem {
  return typeof value === 'object' && value !== null && 'comparison' in value;
}

function isRunItem(value: unknown): value is RunItem {
  return typeof value === 'object' && value !== null && 'run' in value;
}

function runOf(value: unknown): RunSummary {
  if (isRunItem(value)) return value.run;
  throw new UserError('No run is chosen.', 'Use the command on a run of the Runs view.', 'run');
}
