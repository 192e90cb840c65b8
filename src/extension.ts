import * as vscode from 'vscode';
import { registerCommands } from './host/commands';
import { Advisor } from './host/compare/advisor';
import { Comparing } from './host/compare/comparing';
import { Comparisons } from './host/compare/comparisons';
import { ComparisonPanel } from './host/compare/panel';
import { Dashboard } from './host/dashboard';
import { FileDiagnostics } from './host/diagnostics';
import { registerCompletions } from './host/editor/completions';
import { registerHover } from './host/editor/hover';
import { NearestSentence } from './host/editor/nearest-sentence';
import { registerPredictHere } from './host/editor/predict-here';
import { Surprisal } from './host/editor/surprisal';
import { SurprisalStatus } from './host/editor/surprisal-status';
import { Inspection } from './host/inspection';
import { Inspector } from './host/inspector';
import { Machine } from './host/machine';
import { Notebooks } from './host/notebook/notebooks';
import { ReaderChoice } from './host/reader-choice';
import { Reporter } from './host/report';
import { Runs } from './host/runs';
import { RunsView } from './host/runs-view';
import { StatusBar } from './host/status-bar';
import { TrainerProcess } from './host/trainer-process';
import { Training } from './host/training';
import { nodePath } from './host/workspace';

/** How long the inspection process waits for the next request before it ends, in milliseconds. */
const IDLE = 5 * 60_000;

/** How long a closing window waits for the run in progress to write its checkpoint, in milliseconds: the editor itself allows about five seconds. */
const FAREWELL = 4_000;

let training: Training | undefined;
let comparing: Comparing | undefined;

export function activate({ extensionUri, globalState, subscriptions }: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Objective Lab', { log: true });
  const reporter = new Reporter(log);
  const entry = vscode.Uri.joinPath(extensionUri, 'dist', 'trainer.js').fsPath;
  const spawn = (role: 'training' | 'inspection', outlive = false): TrainerProcess =>
    new TrainerProcess({ role, entry, execPath: nodePath(), log, outlive });

  training = new Training((outlive) => spawn('training', outlive));
  comparing = new Comparing((outlive) => spawn('training', outlive));
  const inspection = new Inspection({
    spawn: () => spawn('inspection'),
    idle: IDLE,
    onCrash: (how) => reporter.warn(`The inspection process ended unexpectedly: ${how}. It starts again with the next look.`),
  });
  const runs = new Runs(inspection, training, reporter);
  const reader = new ReaderChoice(runs);
  const inspector = new Inspector(extensionUri, runs, reader, inspection, reporter);
  const dashboard = new Dashboard(extensionUri, runs, training, inspection, reporter);
  const surprisal = new Surprisal(runs, reader, inspection, reporter);
  const nearest = new NearestSentence(runs, reader, inspection, reporter);
  const notebooks = new Notebooks(vscode.Uri.joinPath(extensionUri, 'dist', 'kernel.js').fsPath, reporter);
  const comparisons = new Comparisons(inspection, comparing, reporter);
  const comparison = new ComparisonPanel(extensionUri, comparisons, comparing, inspection, reporter);
  const advisor = new Advisor(extensionUri, inspection, reporter);
  const machine = new Machine(extensionUri, globalState, inspection, reporter);
  const views = { inspector, dashboard, comparison, advisor, machine };
  const lab = {
    extensionUri,
    reporter,
    training,
    comparing,
    inspection,
    runs,
    comparisons,
    reader,
    surprisal,
    nearest,
    notebooks,
    ...views,
  };
  subscriptions.push(
    log,
    training,
    inspection,
    runs,
    reader,
    inspector,
    dashboard,
    surprisal,
    nearest,
    notebooks,
    comparing,
    comparisons,
    comparison,
    advisor,
    machine,
    new RunsView(lab),
    new StatusBar(training),
    new FileDiagnostics(inspection, reporter),
    new SurprisalStatus(surprisal),
    registerHover(lab),
    registerPredictHere(lab),
    registerCompletions(lab),
    registerCommands(lab),
  );
}

/** A run in progress gets the time to write its checkpoint, or goes on by itself if it was started so. */
export async function deactivate(): Promise<void> {
  await Promise.allSettled([training, comparing].map(async (work) => (work?.outlives ? undefined : work?.stop(FAREWELL))));
}
