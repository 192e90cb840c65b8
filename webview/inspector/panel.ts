import type { Models, Reading } from '../../src/shared/webview/inspector';

/** What is in a tab of the inspector. It is told of what it has to show while it is not seen, and does nothing then. */
export interface Panel {
  readonly root: HTMLElement;
  /** Takes up another model on either side. */
  compare(models: Models): void;
  /** Takes up another reading of the file. */
  show?(reading: Reading): void;
  /** It has come into view, or gone. */
  setVisible?(visible: boolean): void;
  /** The editor's cursor stands at this offset of the document. */
  follow?(offset: number): void;
  /** The theme has changed. */
  redraw?(): void;
}
