import * as vscode from 'vscode';
import type { ComparisonReport } from '../../shared/comparison-types';
import { UserError } from '../../shared/errors';
import { saveExperiment } from '../experiments';
import type { Lab } from '../lab';
import { activeTab, basename, COMPARISONS, isComparison, OUTSIDE, requireTrust } from '../workspace';
import { TRAINING, type LiveComparison } from './comparing';
import type { ListedComparison } from './comparisons';

/** Starts the comparison of a file, or goes on with it if it has begun; returns once it is on its way. */
export async function runComparison(lab: Lab, called: vscode.Uri | undefined): Promise<void> {
  requireTrust();
  const file = await chooseFile(called);
  if (!file) return;
  requireRoom(lab);
  await saveExperiment(file);
  const { name, folder, begun, changes } = await lab.inspection.request('comparisonOf', { path: file.fsPath });
  if (begun && changes.length > 0 && !(await goOnAsPlanned(basename(file), changes))) return;
  start(lab, { name, folder }, file, begun);
}

/** Goes on with a comparison that has begun, as it was planned. */
export function resumeComparison(lab: Lab, { name, folder }: Pick<ListedComparison, 'name' | 'folder'>): void {
  requireTrust();
  requireRoom(lab);
  start(lab, { name, folder }, vscode.Uri.file(folder), true);
}

/** Stops the comparison in progress, or the one it was called on, which another window may have started. */
export async function stopComparison({ comparing, inspection, comparisons }: Lab, called: ListedComparison | undefined): Promise<void> {
  requireTrust();
  const { live } = comparing;
  if (called && called.folder !== live?.folder) {
    const { asked } = await inspection.request('stopRun', { run: called.folder });
    if (!asked)
      throw new UserError(`${called.name} is run on another machine, or by nobody.`, 'Stop it where it was started.', 'comparison');
    return comparisons.refresh();
  }
  if (!live) return;
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: `Stopping ${live.name}` }, () => comparing.stop());
}

/** The comparison to show: the one it was called on, the one in progress, the active file's, the only one, or the person's choice. */
export async function chooseComparison({ comparing, comparisons, inspection }: Lab, called?: vscode.Uri): Promise<string | undefined> {
  const file = [called, activeTab()].find((uri) => uri && isComparison(uri));
  if (file) return (await inspection.request('comparisonOf', { path: file.fsPath })).folder;
  await comparisons.refresh();
  const { all } = comparisons;
  if (comparing.live ?? all.length < 2) return comparing.live?.folder ?? all[0]?.folder;
  const picked = await vscode.window.showQuickPick(
    all.map((comparison) => ({ label: comparison.name, description: progressOf(comparison.members), comparison })),
    { title: 'Open Comparison', placeHolder: 'Comparison to look at', matchOnDescription: true },
  );
  return picked?.comparison.folder;
}

/** `3 of 6 members done, 1 failed` */
export function progressOf(members: Iterable<{ readonly state: string }>): string {
  const states = [...members].map(({ state }) => state);
  const count = (wanted: string): number => states.filter((state) => state === wanted).length;
  const failed = count('failed');
  return `${count('done')} of ${states.length} members done${failed > 0 ? `, ${failed} failed` : ''}`;
}

async function chooseFile(called: vscode.Uri | undefined): Promise<vscode.Uri | undefined> {
  const open = [called, activeTab()].find((uri) => uri && isComparison(uri));
  if (open) return open;
  const found = await vscode.workspace.findFiles(COMPARISONS, OUTSIDE);
  if (found.length === 0)
    throw new UserError(
      'This workspace has no comparison (*.compare.json) yet.',
      'Objective Lab: Compare Objectives writes one.',
      'comparison',
    );
  if (found.length === 1) return found[0];
  const picked = await vscode.window.showQuickPick(
    found
      .sort((a, b) => a.path.localeCompare(b.path))
      .map((uri) => ({ label: basename(uri), description: vscode.workspace.asRelativePath(uri), uri })),
    { title: 'Run Comparison', placeHolder: 'Comparison to run' },
  );
  return picked?.uri;
}

/** A machine that trains something else would make its seconds and, on a GPU, its memory nobody's. */
function requireRoom({ comparing, training }: Lab): void {
  const busy = comparing.live ?? training.live;
  if (busy) throw new UserError(`${busy.name} is being trained.`, 'Stop it, or wait for its end.', 'busy');
}

async function goOnAsPlanned(file: string, changes: readonly string[]): Promise<boolean> {
  const pressed = await vscode.window.showWarningMessage(
    `${file} has changed since its comparison began: ${changes.join(', ')}.`,
    { modal: true, detail: 'It can go on as it was planned. To compare what the file says now, give it another name.' },
    'Go On as Planned',
  );
  return pressed !== undefined;
}

/** Shows how it goes on and what comes of it. */
function start(lab: Lab, of: { readonly name: string; readonly folder: string }, path: vscode.Uri, resume: boolean): void {
  const { comparing, reporter } = lab;
  const outlive = vscode.workspace.getConfiguration('objectiveLab', path).get('whenWindowCloses') === 'continue';
  const work = comparing.run(of, path.fsPath, { resume, outlive });
  lab.comparison.open(of.folder);
  const warnings = comparing.onDidWarn((message) => reporter.warn(message));
  const end = async (): Promise<void> => {
    try {
      const report = await withNotification(lab, of.name, work);
      await lab.comparisons.refresh();
      announce(lab, of.folder, report);
    } catch (error) {
      reporter.show(error);
      await lab.comparisons.refresh();
    } finally {
      warnings.dispose();
    }
  };
  reporter.background(end());
}

function withNotification({ comparing, reporter }: Lab, title: string, work: Promise<ComparisonReport>): Thenable<ComparisonReport> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, (progress, token) => {
    let shown = 0;
    const follow = comparing.onDidChange(() => {
      const { live } = comparing;
      if (!live) return;
      const states = [...live.members.values()];
      const ended = states.filter(({ state }) => state === 'done' || state === 'failed').length;
      const done = states.length > 0 ? (100 * ended) / states.length : 0;
      progress.report({ message: statusLine(live), increment: Math.max(0, done - shown) });
      shown = Math.max(shown, done);
    });
    token.onCancellationRequested(() => {
      comparing.stop().catch((error: unknown) => reporter.show(error));
    });
    return work.finally(() => {
      follow.dispose();
    });
  });
}

/** What the comparison in progress is doing, in one line. */
export function statusLine({ stopping, members, status }: Readonly<LiveComparison>): string {
  if (stopping) return 'Stopping; the members write their checkpoints';
  if (members.size === 0) return status;
  return [progressOf(members.values()), ...(status === TRAINING ? [] : [status])].join('. ');
}

function announce({ reporter, comparison }: Lab, folder: string, { name, members, recommendations }: ComparisonReport): void {
  const whole = members.every(({ state }) => state === 'done');
  const first = recommendations.find(({ certainty }) => certainty !== 'unknown')?.text;
  const message = `${name}: ${progressOf(members)}.${whole && first !== undefined ? ` ${first}` : whole ? '' : ' It can be resumed.'}`;
  reporter.log.info(message);
  const pressed = vscode.window.showInformationMessage(message, 'Open Comparison');
  reporter.background(pressed.then((action) => (action ? comparison.open(folder) : undefined)));
}
