import * as vscode from 'vscode';
import { formatCount, formatLarge, formatNats } from '../shared/format';
import { progressLine } from './start-run';
import { Throttle } from './throttle';
import type { LiveRun, Training } from './training';

/** The status bar's line for the run in progress; a click opens its chart. Also keeps the context key `objectiveLab.training`. */
export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem('objectiveLab.run', vscode.StatusBarAlignment.Left, 10);
  readonly #redraw = new Throttle(250, () => this.#draw());
  readonly #subscription: vscode.Disposable;
  #training = false;

  constructor(private readonly training: Training) {
    this.#item.name = 'Objective Lab';
    this.#item.command = 'objectiveLab.openDashboard';
    this.#subscription = training.onDidChange(() => this.#redraw.call());
  }

  dispose(): void {
    this.#redraw.dispose();
    vscode.Disposable.from(this.#subscription, this.#item).dispose();
  }

  #draw(): void {
    const live = this.training.live;
    if (this.#training !== (live !== undefined)) {
      this.#training = live !== undefined;
      void vscode.commands.executeCommand('setContext', 'objectiveLab.training', this.#training);
    }
    if (!live) return this.#item.hide();
    this.#item.text = `$(beaker) ${line(live)}`;
    this.#item.tooltip = `Objective Lab: ${live.name}, ${progressLine(live)}${live.device === undefined ? '' : `, on ${live.device}`}`;
    this.#item.show();
  }
}

function line({ name, steps, last, loss, stopping, status }: Readonly<LiveRun>): string {
  if (stopping) return `${name}: stopping`;
  if (!last || steps === undefined) return `${name}: ${status}`;
  const total = loss?.total;
  return [
    `${name} ${formatCount(last.step)}/${formatCount(steps)}`,
    ...(total === undefined ? [] : [`loss ${formatNats(total)}`]),
    ...(last.tokensPerSecond === undefined ? [] : [`${formatLarge(last.tokensPerSecond)} tokens/s`]),
  ].join(' · ');
}
