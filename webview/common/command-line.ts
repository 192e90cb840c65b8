import { commandLine } from '../../src/shared/command-line';
import { element } from './dom';

/** How long the button says that it has copied, in milliseconds. */
const ACKNOWLEDGED = 2_000;

/** The command that does in a terminal what the view shows, with a button that copies it. Without arguments it is not shown. */
export class CommandLine {
  readonly root: HTMLElement;
  readonly #code = element('code', { attributes: { title: 'The same in a terminal, from the workspace folder; files are read as saved' } });
  readonly #button = element('vscode-button', {
    text: 'Copy',
    attributes: { appearance: 'secondary', 'aria-label': 'Copy the command' },
    on: { click: () => void this.#copy() },
  });
  readonly #said = element('span', { class: 'unseen', attributes: { role: 'status' } });
  #timer: number | undefined;

  /** @param copy puts a text on the clipboard: a webview may not do so by itself everywhere */
  constructor(private readonly copy: (text: string) => Promise<unknown>) {
    this.root = element('div', { class: 'command-line', attributes: { hidden: '' } }, [this.#code, this.#button, this.#said]);
  }

  /** @param args the program and its arguments, unquoted */
  show(args: readonly string[] | undefined): void {
    const line = args && commandLine(args);
    this.root.hidden = line === undefined;
    if (line === undefined || line === this.#code.textContent) return;
    this.#code.textContent = line;
    this.#answer('Copy', '');
  }

  async #copy(): Promise<void> {
    try {
      await this.copy(this.#code.textContent);
      this.#answer('Copied', 'The command is on the clipboard.');
    } catch {
      this.#answer('Failed', 'The command could not be copied.');
    }
    this.#timer = window.setTimeout(() => this.#answer('Copy', ''), ACKNOWLEDGED);
  }

  #answer(label: string, said: string): void {
    window.clearTimeout(this.#timer);
    this.#button.textContent = label;
    this.#said.textContent = said;
  }
}
