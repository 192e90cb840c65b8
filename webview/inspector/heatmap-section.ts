import { similarityCommand } from '../../src/shared/command-line';
import type { Similarity } from '../../src/shared/types';
import type { Side } from '../../src/shared/webview/inspector';
import { CommandLine } from '../common/command-line';
import { element } from '../common/dom';
import { Heatmap, type HeatmapEvents } from './heatmap';
import { modelsKey, sidesOf } from './model';
import { Question } from './question';
import { subjectKey, unitTexts, type Section, type SectionHost, type Subject } from './section';
import { spokenUnit, unitAtOffset } from './similarity-model';
import type { Cell } from './viewport';

const NOTHING: Similarity = { units: [], matrix: new Float32Array() };

/** One map with its legend, under the name of what it shows. */
class NamedMap {
  readonly root: HTMLElement;
  readonly map: Heatmap;
  readonly #name = element('figcaption', {});

  constructor(events: HeatmapEvents, what?: string, signed?: boolean) {
    this.map = new Heatmap(events, what, signed);
    const under = element('div', { class: 'under' }, [this.map.legend, this.map.tools]);
    this.root = element('figure', {}, [this.#name, this.map.root, under]);
  }

  /** @param name absent where there is only one map */
  show(data: Similarity, name = ''): void {
    this.#name.textContent = name;
    this.map.show(data);
  }
}

/** How alike the model finds the units of a text, each with each; with a second model how alike that one does, and the difference. */
export class HeatmapSection implements Section {
  readonly root: HTMLElement;
  readonly #maps: readonly [first: NamedMap, second: NamedMap, difference: NamedMap];
  readonly #pair = element('div', { class: 'pair' });
  readonly #said = element('p', { class: 'unseen', attributes: { role: 'status' } });
  readonly #command: CommandLine;
  readonly #question: Question;
  #subject: Subject | undefined;
  #data = NOTHING;
  #second: Similarity | undefined;
  #offset: number | undefined;

  constructor(private readonly host: SectionHost) {
    const events: HeatmapEvents = {
      onFocus: (cell, spoken) => this.#describe(cell, spoken),
      onChoose: (cell) => this.#choose(cell),
    };
    this.#maps = [new NamedMap(events), new NamedMap(events, 'Similarity by the second model'), new NamedMap(events, 'Difference', true)];
    this.#command = new CommandLine(host.copy);
    const body = element('div', {}, [
      element(
        'div',
        { class: 'maps' },
        this.#maps.map(({ root }) => root),
      ),
      element('span', { class: 'key here', text: 'Cursor in the editor' }),
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
    return this.#question.ask(`${subjectKey(subject)} ${modelsKey(subject.models)}`, async (signal, arrived) => {
      const { content, unit, limit, model, file, models } = subject;
      const sides = sidesOf(models);
      const ask = (side: Side): Promise<Similarity> => this.host.request('similarity', { content, unit, limit, side }, { signal });
      const [data, second] = await Promise.all([ask('first'), models.second && ask('second')]);
      [this.#data, this.#second, this.#subject] = [data, second, subject];
      this.#maps[1].root.hidden = this.#maps[2].root.hidden = second === undefined;
      this.#maps[0].show(data, second && sides[0]?.name);
      if (second) {
        this.#maps[1].show(second, sides[1]?.name);
        this.#maps[2].show({ units: data.units, matrix: second.matrix.map((value, i) => value - data.matrix[i]!) }, 'Second minus first');
      }
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
    for (const { map } of this.#maps) map.redraw();
  }

  #mark(): void {
    const here = this.#offset === undefined ? undefined : unitAtOffset(this.#data.units, this.#offset);
    for (const { map } of this.#maps) map.mark(here);
  }

  #describe(cell: Cell | undefined, spoken: boolean): void {
    const { units, matrix } = this.#data;
    const place = cell && cell.row * units.length + cell.column;
    const value = place === undefined ? undefined : matrix[place];
    for (const { map } of this.#maps) map.point(cell);
    if (!cell || value === undefined) {
      const text =
        'Point at a cell to see its pair; click it to find both in the editor. Ctrl and scroll, or a pinch, zooms; dragging moves.';
      this.#pair.replaceChildren(element('p', { class: 'muted', text }));
      this.#said.textContent = '';
      return;
    }
    const { row, column } = cell;
    const other = this.#second?.matrix[row * units.length + column];
    this.#pair.replaceChildren(
      element('p', { class: 'value' }, [
        element('span', { class: 'muted', text: `Row ${row + 1}, column ${column + 1}: cosine similarity ` }),
        element('strong', { class: 'number', text: value.toFixed(3) }),
        ...(other === undefined
          ? []
          : [element('span', { class: 'number', text: ` beside ${other.toFixed(3)}, ${signed(other - value)}` })]),
      ]),
      ...unitTexts([units[row]?.text, row === column ? undefined : units[column]?.text]),
    );
    if (!spoken) return;
    const stops = (text: string): string => (/\p{P}$/u.test(text) ? text : `${text}.`);
    this.#said.textContent = [
      stops(spokenUnit(units, row, 'Row')),
      stops(spokenUnit(units, column, 'Column')),
      `Cosine ${value.toFixed(2)}${other === undefined ? '' : `, beside ${other.toFixed(2)}`}.`,
    ].join(' ');
  }

  #choose({ row, column }: Cell): void {
    const spans = [...new Set([row, column])].flatMap((index) => this.#data.units[index] ?? []);
    if (this.#subject) this.host.reveal(this.#subject.uri, spans);
  }
}

const signed = (difference: number): string => `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(3)}`;
