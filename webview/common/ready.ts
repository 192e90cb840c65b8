interface VsCode {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCode;

export const vscode = acquireVsCodeApi();

// A view imports this before all else: where views have a thread of their own, as in the desktop's editor, the host prepares what is to be shown while the rest of
// the page is evaluated. Nothing arrives before the script has come to its end, and then somebody listens.
vscode.postMessage({ kind: 'event', name: 'ready', payload: {} });
