import { commandLine } from '../../src/shared/command-line';
import { element } from './dom';

/** How long the button says that it has copied, in milliseconds. */
const ACKNOWLEDGED = 2_000;

/** The command that does in a terminal what the view shows, with a button that copies it. Without arguments it is not shown. */
export class CommandLine {
  readonly root: HTMLElement;
  readonly #code: HTMLElement;
  readonly #button = element('button', {
    class: 'button',
    text: 'Copy',
    attributes: { 'aria-label': 'Copy the command' },
    on: { click: () => void this.#copy() },
  });
  readonly #said = element('span', { class: 'unseen', attributes: { role: 'status' } });
  #timer: number | undefined;

  /** @param copy puts a text on the clipboard: a webview may not do so by itself everywhere. @param title what the command does */
  constructor(
    private readonly copy: (text: string) => Promise<unknown>,
    title = 'The same in a terminal, from the workspace folder; files are read as saved',
  ) {
    this.#code = element('code', { attributes: { title } });
    this.root = element('div', { class: 'command-line', attributes: { hidden: '' } }, [this.#code, this.#button, this.#said]);
  }

  /** @param command a line of the shell, or the program and its arguments, unquoted */
  show(command: string | readonly string[] | undefined): void {
    const line = typeof command === 'object' ? commandLine(command) : command;
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
