import { neighboursCommand } from '../../src/shared/command-line';
import { formatCount } from '../../src/shared/format';
import type { TextUnit } from '../../src/shared/types';
import type { NeighbourInFile } from '../../src/shared/webview/inspector';
import { CommandLine } from '../common/command-line';
import { element } from '../common/dom';
import { Question } from './question';
import { type Section, type SectionHost, type Subject } from './section';

/** How long the process is left alone when it did not get on, in milliseconds. */
const PAUSE = 1_000;

interface Answer {
  readonly neighbours: readonly NeighbourInFile[];
  readonly indexed: number;
  readonly total: number;
}

/** The sentences of the workspace that the model finds most like the one at the editor's cursor. */
export class NeighboursSection implements Section {
  readonly root: HTMLElement;
  readonly count = undefined;
  readonly #target = element('div', { class: 'target' });
  readonly #line = element('p', { class: 'muted', attributes: { role: 'status' } });
  readonly #progress = element('progress', { attributes: { 'aria-label': 'Sentences of the workspace that were read', hidden: '' } });
  readonly #list = element('ol', { class: 'neighbours', attributes: { 'aria-label': 'Nearest sentences' } });
  readonly #command: CommandLine;
  readonly #question: Question;
  #subject: Subject | undefined;
  #unit: TextUnit | undefined;
  #offset = 0;
  /** The offset that was asked for. */
  #asked = 0;
  #seen = false;

  constructor(private readonly host: SectionHost) {
    this.#command = new CommandLine(host.copy);
    const body = element('div', { class: 'neighbours-body' }, [this.#target, this.#line, this.#progress, this.#command.root, this.#list]);
    this.#question = new Question(body, 'Looking for neighbours…', host.explain);
    this.root = this.#question.root;
  }

  async show(subject: Subject): Promise<void> {
    if (this.#subject?.content !== subject.content || this.#subject.unit !== subject.unit) this.#unit = undefined;
    this.#subject = subject;
    this.#seen = true;
    // What is being looked for goes on while the cursor stays in its unit.
    if (!this.#unit || this.#offset < this.#unit.start || this.#offset > this.#unit.end) this.#asked = this.#offset;
    await this.#question.ask(`${subject.content} ${subject.unit} ${this.#asked}`, (signal, arrived) =>
      this.#look(subject, signal, arrived),
    );
  }

  stop(): void {
    this.#seen = false;
    this.#question.stop();
  }

  follow(offset: number): void {
    this.#offset = offset;
    if (this.#seen && this.#subject) void this.show(this.#subject);
  }

  redraw(): void {
    // The style sheet does it.
  }

  async #look({ content, unit: kind, model }: Subject, signal: AbortSignal, arrived: (seen: boolean) => void): Promise<void> {
    const { unit } = await this.host.request('unitAt', { content, unit: kind, offset: this.#offset }, { signal });
    this.#unit = unit;
    this.#target.replaceChildren(...(unit ? [element('p', { class: 'unit', text: unit.text, attributes: { dir: 'auto' } })] : []));
    this.#command.show(unit && neighboursCommand(model, unit.text));
    if (!unit) {
      this.#list.replaceChildren();
      this.#line.textContent = 'There is no text in this file yet. Put the cursor into a sentence to find others like it.';
      arrived(true);
      return;
    }
    for (let before = -1; ;) {
      const answer = await this.host.request('neighbours', { content, text: unit.text }, { signal });
      if (signal.aborted) return;
      this.#showRows(answer.neighbours);
      this.#tell(answer);
      arrived(true);
      if (answer.indexed >= answer.total) return;
      if (answer.indexed <= before) await new Promise((resolve) => setTimeout(resolve, PAUSE));
      before = answer.indexed;
    }
  }

  #tell({ neighbours, indexed, total }: Answer): void {
    const reading = indexed < total;
    this.#progress.hidden = !reading;
    this.#progress.max = Math.max(1, total);
    this.#progress.value = indexed;
    const of = `${formatCount(indexed)} of ${formatCount(total)} sentences`;
    this.#line.ariaLive = reading ? 'off' : 'polite';
    if (reading) this.#line.textContent = `The nearest so far: ${of} of the workspace read`;
    else if (total === 0) this.#line.textContent = 'The workspace folder holds no text files to look in.';
    else if (neighbours.length === 0) this.#line.textContent = 'There is no other sentence in the workspace folder.';
    else this.#line.textContent = `The nearest of ${formatCount(total)} sentences in the text files of the workspace folder`;
  }

  /** The list anew; what had the focus has it again. */
  #showRows(neighbours: readonly NeighbourInFile[]): void {
    const focused = [...this.#list.children].findIndex((row) => row.contains(document.activeElement));
    this.#list.replaceChildren(...neighbours.map((neighbour) => this.#row(neighbour)));
    if (focused >= 0) this.#list.querySelectorAll('button')[focused]?.focus();
  }

  #row({ text, similarity, file, uri, start, end }: NeighbourInFile): HTMLElement {
    const bar = element('div', { class: 'bar' });
    bar.style.width = `${Math.max(0, 100 * similarity)}%`;
    const button = element('button', { class: 'neighbour', on: { click: () => this.host.reveal(uri, [{ start, end }]) } }, [
      element('span', { class: 'measure' }, [
        element('strong', { class: 'number', text: similarity.toFixed(3) }),
        element('span', { class: 'bars', attributes: { 'aria-hidden': 'true' } }, [bar]),
      ]),
      element('span', { class: 'unit', text, attributes: { dir: 'auto' } }),
      element('span', { class: 'muted', text: uri === this.#subject?.uri ? 'This file' : file, attributes: { title: file } }),
    ]);
    return element('li', {}, [button]);
  }
}
