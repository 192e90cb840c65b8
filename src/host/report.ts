import * as vscode from 'vscode';
import { UserError } from '../shared/errors';
import { RemoteError } from '../shared/rpc';

/** Turns whatever went wrong into one message with a way out. Cancelled work is no error. */
export class Reporter {
  constructor(readonly log: vscode.LogOutputChannel) {}

  /** Shows an error to the person, and writes it to the log. */
  show(error: unknown): void {
    if (isCancelled(error)) return;
    this.note(error);
    const known = error instanceof UserError || error instanceof RemoteError;
    const text = known ? sentence(error) : `Objective Lab met a defect of its own: ${String(error)}`;
    const trust = known && error.code === 'untrusted';
    this.offer(vscode.window.showErrorMessage(text, ...(trust ? ['Manage Workspace Trust'] : ['Show Log'])));
  }

  /** Shows a warning whose only action is the log. */
  warn(message: string): void {
    this.log.warn(message);
    this.offer(vscode.window.showWarningMessage(message, 'Show Log'));
  }

  /** Writes an error to the log only: for work nobody asked for just now. */
  note(error: unknown): void {
    if (isCancelled(error)) return;
    if (error instanceof UserError || error instanceof RemoteError) this.log.error(sentence(error));
    else this.log.error(error instanceof Error ? error : String(error));
  }

  /** Lets work go on by itself; a failure is noted. */
  background(work: Promise<unknown> | Thenable<unknown>): void {
    Promise.resolve(work).catch((error: unknown) => this.note(error));
  }

  /** Does what the pressed button of a message says. */
  offer(pressed: Thenable<string | undefined>): void {
    this.background(
      pressed.then((action) => {
        if (action === 'Show Log') this.log.show();
        if (action === 'Manage Workspace Trust') return vscode.commands.executeCommand('workbench.trust.manage');
        return undefined;
      }),
    );
  }
}

/** Message and hint as running text. */
export function sentence({ message, hint }: { message: string; hint?: string | undefined }): string {
  return hint ? `${message} ${hint}` : message;
}

export function isCancelled(error: unknown): boolean {
  return error instanceof RemoteError && error.code === 'cancelled';
}
