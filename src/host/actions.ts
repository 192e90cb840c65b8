import * as vscode from 'vscode';
import type { Action } from '../shared/webview/view';

const COMMANDS: Readonly<Record<Exclude<Action, 'retry'>, string>> = {
  openFolder: 'workbench.action.files.openFolder',
  newExperiment: 'objectiveLab.newExperiment',
  startRun: 'objectiveLab.startRun',
  trust: 'workbench.trust.manage',
  showLog: 'objectiveLab.showLog',
  openFile: 'workbench.action.quickOpen',
  compare: 'objectiveLab.compareObjectives',
};

/** Does what a notice's button says; `retry` is the view's own. */
export async function act(action: Action, retry: () => void): Promise<Record<string, never>> {
  if (action === 'retry') retry();
  else await vscode.commands.executeCommand(COMMANDS[action]);
  return {};
}
