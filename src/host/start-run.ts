import * as vscode from 'vscode';
import { compare } from '../shared/baselines';
import { RemoteError } from '../shared/rpc';
import type { Done } from '../shared/trainer-protocol';
import { formatCount, formatDuration, formatNats, secondsLeft } from '../shared/format';
import { UserError } from '../shared/errors';
import { Device, type RunSummary } from '../shared/types';
import { chooseExperiment, saveExperiment } from './experiments';
import type { Lab } from './lab';
import { isCancelled, sentence } from './report';
import { isResumable } from './run-list';
import type { LiveRun } from './training';
import { basename, requireTrust, runsFolderOf } from './workspace';

/** Chooses an experiment, asks what to do with a run in progress, and trains; returns once the run is on its way. */
export async function startRun(lab: Lab, called: vscode.Uri | undefined): Promise<void> {
  requireTrust();
  const experiment = await chooseExperiment(lab, called);
  if (!experiment || !(await makeRoom(lab))) return;
  await saveExperiment(experiment);
  const params = { experiment: experiment.fsPath, runs: runsFolderOf(experiment), ...settingsFor(experiment) };
  const name = basename(experiment).replace(/\.lab\.json$/, '');
  lab.reporter.background(follow(lab, name, () => lab.training.run(params)));
}

/** Goes on with a run that has not ended: the one a command was called on, or the person's choice. */
export async function resumeRun(lab: Lab, called: RunSummary | undefined): Promise<void> {
  requireTrust();
  const run = called ?? (await chooseRun(lab));
  if (!run || !(await makeRoom(lab))) return;
  lab.dashboard.open(run.folder);
  lab.reporter.background(
    follow(lab, run.name, () => lab.training.resume(run, { run: run.folder, ...settingsFor(vscode.Uri.file(run.folder)) })),
  );
}

async function chooseRun({ runs }: Lab): Promise<RunSummary | undefined> {
  await runs.refresh();
  const resumable = runs.all.filter(isResumable);
  if (resumable.length === 0)
    throw new UserError(
      'No run of this workspace was stopped or interrupted.',
      'Start a run; the completed ones have done all their steps.',
      'run',
    );
  const picked = await vscode.window.showQuickPick(
    resumable.map((run) => ({
      label: run.name,
      description: `${run.state} at step ${formatCount(run.step)} of ${formatCount(run.steps)}`,
      detail: run.id,
      run,
    })),
    { title: 'Resume Run', placeHolder: 'Run to go on with', matchOnDescription: true, matchOnDetail: true },
  );
  return picked?.run;
}

/**
 * Stops a run and says so until its checkpoint is written: the one in progress, or one that another window left running and the command was called on.
 */
export async function stopRun({ training, inspection, runs }: Lab, called: RunSummary | undefined): Promise<void> {
  requireTrust();
  const live = training.live;
  if (called && called.folder !== live?.folder) {
    const { asked } = await inspection.request('stopRun', { run: called.folder });
    if (!asked) throw new UserError(`${called.name} is trained on another machine, or by nobody.`, 'Stop it where it was started.', 'run');
    return runs.refresh();
  }
  if (!live) return;
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: `Stopping ${live.name}` }, () => training.stop());
}

/** One run at a time: with one in progress the person decides. True when a new one may start. */
async function makeRoom({ training, comparing }: Lab): Promise<boolean> {
  if (comparing.live)
    throw new UserError(`The comparison ${comparing.live.name} is being trained.`, 'Stop it, or wait for its end.', 'busy');
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

/** What the editor's settings say of a run. */
function settingsFor(scope: vscode.Uri): { device?: Exclude<Device, 'auto'>; outlive: boolean } {
  const settings = vscode.workspace.getConfiguration('objectiveLab', scope);
  const device = Device.safeParse(settings.get('device')).data ?? 'auto';
  return { ...(device !== 'auto' && { device }), outlive: settings.get('whenWindowCloses') === 'continue' };
}

/** Shows how a run goes on and what comes of it. @param begin starts it */
async function follow(lab: Lab, name: string, begin: () => Promise<Done>): Promise<void> {
  const { training, reporter } = lab;
  const work = begin();
  const live = training.live;
  let opened = false;
  const news = vscode.Disposable.from(
    training.onDidChange(() => {
      if (opened || training.live?.folder === undefined) return;
      opened = true;
      lab.dashboard.open(training.live.folder);
    }),
    training.onDidWarn((message) => reporter.warn(message)),
  );
  try {
    announceEnd(lab, await withNotification(lab, work), name);
  } catch (error) {
    await failed(lab, error, name, live);
  } finally {
    news.dispose();
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

/** A run that can be taken up again is offered to be. */
async function failed(lab: Lab, error: unknown, name: string, live: Readonly<LiveRun> | undefined): Promise<void> {
  const { reporter, runs } = lab;
  const died = error instanceof RemoteError && error.code === 'trainer-ended';
  await runs.refresh();
  const run = runs.find(live?.folder);
  if (isCancelled(error) || !(error instanceof RemoteError) || !run || !isResumable(run)) {
    reporter.show(error);
    return;
  }
  reporter.note(error);
  const kept =
    run.checkpoint === undefined ? 'It had no checkpoint yet.' : `Its checkpoint of step ${formatCount(run.checkpoint)} is kept.`;
  const message = died ? `The run ${name} was interrupted. ${sentence({ message: error.message })} ${kept}` : sentence(error);
  reporter.background(
    vscode.window.showErrorMessage(message, 'Resume', 'Show Log').then((pressed) => {
      if (pressed === 'Show Log') reporter.log.show();
      return pressed === 'Resume' ? resumeRun(lab, run) : undefined;
    }),
  );
}
