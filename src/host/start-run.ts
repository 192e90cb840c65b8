import * as vscode from 'vscode';
import { compare } from '../shared/baselines';
import { RemoteError } from '../shared/rpc';
import type { Done } from '../shared/trainer-protocol';
import { formatCount, formatDuration, formatNats, secondsLeft } from '../shared/format';
import { Device } from '../shared/types';
import { chooseExperiment, saveExperiment } from './experiments';
import type { Lab } from './lab';
import { sentence } from './report';
import type { LiveRun } from './training';
import { requireTrust, runsFolderOf } from './workspace';

/** Chooses an experiment, asks what to do with a run in progress, and trains; returns once the run is on its way. */
export async function startRun(lab: Lab, called: vscode.Uri | undefined): Promise<void> {
  requireTrust();
  const experiment = await chooseExperiment(lab, called);
  if (!experiment || !(await makeRoom(lab))) return;
  await saveExperiment(experiment);
  const runs = runsFolderOf(experiment);
  lab.reporter.background(train(lab, experiment, runs));
}

/** Stops the run in progress and says so until its checkpoint is written. */
export async function stopRun({ training }: Lab): Promise<void> {
  requireTrust();
  const live = training.live;
  if (!live) return;
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: `Stopping ${live.name}` }, () => training.stop());
}

/** One run at a time: with one in progress the person decides. True when a new one may start. */
async function makeRoom({ training }: Lab): Promise<boolean> {
  if (!training.live) return true;
  const pressed = await vscode.window.showWarningMessage(
    `${training.live.name} is being trained.`,
    { modal: true, detail: 'One run is trained at a time. A stopped run keeps its last checkpoint.' },
    'Stop It and Start',
  );
  if (!pressed) return false;
  await training.stop();
  return true;
}

async function train(lab: Lab, experiment: vscode.Uri, runs: string): Promise<void> {
  const { training, reporter } = lab;
  const device = Device.safeParse(vscode.workspace.getConfiguration('objectiveLab', experiment).get('device')).data ?? 'auto';
  const work = training.run({ experiment: experiment.fsPath, runs, ...(device !== 'auto' && { device }) });
  const live = training.live;
  let opened = false;
  const follow = vscode.Disposable.from(
    training.onDidChange(() => {
      if (opened || training.live?.folder === undefined) return;
      opened = true;
      lab.dashboard.open(training.live.folder);
    }),
    training.onDidWarn((message) => reporter.warn(message)),
  );
  try {
    announceEnd(lab, await withNotification(lab, work), live?.name ?? '');
  } catch (error) {
    failed(lab, error, experiment, live);
  } finally {
    follow.dispose();
    reporter.background(lab.runs.refresh());
  }
}

function withNotification({ training, reporter }: Lab, work: Promise<Done>): Thenable<Done> {
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: training.live?.name ?? 'Run', cancellable: true },
    (progress, token) => {
      let shown = 0;
      const follow = training.onDidChange(() => {
        const live = training.live;
        if (!live) return;
        const done = live.steps && live.last ? (100 * live.last.step) / live.steps : 0;
        progress.report({ message: progressLine(live), increment: Math.max(0, done - shown) });
        shown = Math.max(shown, done);
      });
      token.onCancellationRequested(() => {
        training.stop().catch((error: unknown) => reporter.show(error));
      });
      return work.finally(() => {
        follow.dispose();
      });
    },
  );
}

/** `step 120 of 500 · loss 6.21 · 2 min 10 s left` */
export function progressLine(live: Readonly<LiveRun>): string {
  if (live.stopping) return 'stopping; the checkpoint is being written';
  if (!live.last || live.steps === undefined) return live.status;
  const left = secondsLeft({ step: live.last.step, steps: live.steps, seconds: live.last.seconds });
  return [
    `step ${formatCount(live.last.step)} of ${formatCount(live.steps)}`,
    ...(live.loss?.total === undefined ? [] : [`loss ${formatNats(live.loss.total)}`]),
    ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
  ].join(' · ');
}

function announceEnd({ reporter, inspector }: Lab, done: Done, name: string): void {
  const compared = compare(done.baselines, done.eval).map(
    ({ metric, reached, value, by }) => `${metric} ${formatNats(reached)} (${by}: ${formatNats(value)})`,
  );
  const learned = compared.length > 0 ? ` On held-out text: ${compared.join(', ')}.` : '';
  const message = `${name} ${done.reason === 'completed' ? 'is done' : 'was stopped'} after ${formatCount(done.steps)} steps.${learned}`;
  reporter.log.info(message);
  reporter.background(
    vscode.window.showInformationMessage(message, 'Open Inspector').then((pressed) => (pressed ? inspector.open(done.run) : undefined)),
  );
}

function failed(lab: Lab, error: unknown, experiment: vscode.Uri, live: Readonly<LiveRun> | undefined): void {
  if (!(error instanceof RemoteError) || error.code !== 'trainer-ended') return lab.reporter.show(error);
  lab.reporter.note(error);
  const kept =
    live?.checkpoint === undefined ? 'It had no checkpoint yet.' : `Its checkpoint of step ${formatCount(live.checkpoint)} is kept.`;
  const message = `The run ${live?.name ?? ''} was interrupted. ${sentence({ message: error.message })} ${kept}`;
  lab.reporter.background(
    vscode.window.showErrorMessage(message, 'Show Log', 'Start Again').then((pressed) => {
      if (pressed === 'Show Log') lab.reporter.log.show();
      return pressed === 'Start Again' ? startRun(lab, experiment) : undefined;
    }),
  );
}
