import * as vscode from 'vscode';
import { registerCommands } from './host/commands';
import { Dashboard } from './host/dashboard';
import { ExperimentDiagnostics } from './host/diagnostics';
import { registerCompletions } from './host/editor/completions';
import { registerHover } from './host/editor/hover';
import { NearestSentence } from './host/editor/nearest-sentence';
import { registerPredictHere } from './host/editor/predict-here';
import { Surprisal } from './host/editor/surprisal';
import { SurprisalStatus } from './host/editor/surprisal-status';
import { Inspection } from './host/inspection';
import { Inspector } from './host/inspector';
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

export function activate({ extensionUri, subscriptions }: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Objective Lab', { log: true });
  const reporter = new Reporter(log);
  const entry = vscode.Uri.joinPath(extensionUri, 'dist', 'trainer.js').fsPath;
  const spawn = (role: 'training' | 'inspection', outlive = false): TrainerProcess =>
    new TrainerProcess({ role, entry, execPath: nodePath(), log, outlive });

  training = new Training((outlive) => spawn('training', outlive));
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
  const lab = { extensionUri, reporter, training, inspection, runs, reader, inspector, dashboard, surprisal, nearest };
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
    new RunsView(lab),
    new StatusBar(training),
    new ExperimentDiagnostics(inspection, reporter),
    new SurprisalStatus(surprisal),
    registerHover(lab),
    registerPredictHere(lab),
    registerCompletions(lab),
    registerCommands(lab),
  );
}

/** A run in progress gets the time to write its checkpoint, or goes on by itself if it was started so. */
export async function deactivate(): Promise<void> {
  if (!training?.outlives) await training?.stop(FAREWELL).catch(() => undefined);
}
