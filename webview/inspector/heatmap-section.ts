import { similarityCommand } from '../../src/shared/command-line';
import type { Similarity } from '../../src/shared/types';
import { CommandLine } from '../common/command-line';
import { element } from '../common/dom';
import { Heatmap } from './heatmap';
import { Question } from './question';
import { subjectKey, unitTexts, type Section, type SectionHost, type Subject } from './section';
import { spokenUnit, unitAtOffset } from './similarity-model';
import type { Cell } from './viewport';

/** How alike the model finds the units of a text, each with each. */
export class HeatmapSection implements Section {
  readonly root: HTMLElement;
  readonly #map = new Heatmap({ onFocus: (cell, spoken) => this.#describe(cell, spoken), onChoose: (cell) => this.#choose(cell) });
  readonly #pair = element('div', { class: 'pair' });
  readonly #said = element('p', { class: 'unseen', attributes: { role: 'status' } });
  readonly #command: CommandLine;
  readonly #question: Question;
  #subject: Subject | undefined;
  #data: Similarity = { units: [], matrix: new Float32Array() };
  #offset: number | undefined;

  constructor(private readonly host: SectionHost) {
    this.#command = new CommandLine(host.copy);
    const body = element('div', {}, [
      this.#map.root,
      element('div', { class: 'under' }, [
        this.#map.legend,
        element('span', { class: 'key here', text: 'Cursor in the editor' }),
        this.#map.tools,
      ]),
      this.#pair,
      this.#command.root,
      this.#said,
    ]);
    this.#question = new Question(body, 'Comparing…', host.explain);
    this.root = this.#question.root;
  }

  get count(): number {
    return this.#data.units.length;
  }

  show(subject: Subject): Promise<void> {
    return this.#question.ask(subjectKey(subject), async (signal, arrived) => {
      const { content, unit, limit, model, file } = subject;
      this.#data = await this.host.request('similarity', { content, unit, limit }, { signal });
      this.#subject = subject;
      this.#map.show(this.#data);
      this.#mark();
      this.#command.show(file === undefined ? undefined : similarityCommand(model, file, unit));
      arrived(this.count > 1);
    });
  }

  stop(): void {
    this.#question.stop();
  }

  follow(offset: number): void {
    this.#offset = offset;
    this.#mark();
  }

  redraw(): void {
    this.#map.redraw();
  }

  #mark(): void {
    this.#map.mark(this.#offset === undefined ? undefined : unitAtOffset(this.#data.units, this.#offset));
  }

  #describe(cell: Cell | undefined, spoken: boolean): void {
    const { units, matrix } = this.#data;
    const value = cell && matrix[cell.row * units.length + cell.column];
    if (!cell || value === undefined) {
      const text =
        'Point at a cell to see its pair; click it to find both in the editor. Ctrl and scroll, or a pinch, zooms; dragging moves.';
      this.#pair.replaceChildren(element('p', { class: 'muted', text }));
      this.#said.textContent = '';
      return;
    }
    const { row, column } = cell;
    this.#pair.replaceChildren(
      element('p', { class: 'value' }, [
        element('span', { class: 'muted', text: `Row ${row + 1}, column ${column + 1}: cosine similarity ` }),
        element('strong', { class: 'number', text: value.toFixed(3) }),
      ]),
      ...unitTexts([units[row]?.text, row === column ? undefined : units[column]?.text]),
    );
    if (!spoken) return;
    const stops = (text: string): string => (/\p{P}$/u.test(text) ? text : `${text}.`);
    this.#said.textContent = [
      stops(spokenUnit(units, row, 'Row')),
      stops(spokenUnit(units, column, 'Column')),
      `Cosine ${value.toFixed(2)}.`,
    ].join(' ');
  }

  #choose({ row, column }: Cell): void {
    const spans = [...new Set([row, column])].flatMap((index) => this.#data.units[index] ?? []);
    if (this.#subject) this.host.reveal(this.#subject.uri, spans);
  }
}
