import type { Similarity, Span, Unit } from '../../src/shared/types';
import type { Reading } from '../../src/shared/webview-protocol';
import { element } from '../common/dom';
import { Heatmap, type Cell } from './heatmap';

/** How many units are compared at first, and at most. */
const FIRST = 200;
const MOST = 800;

const UNITS: Readonly<Record<Unit, string>> = { sentence: 'Sentences', line: 'Lines', paragraph: 'Paragraphs' };

/** The section *Similarity*: how alike the model finds the sentences, lines or paragraphs of the file. */
export class SimilarityPanel {
  readonly root: HTMLElement;
  readonly #units = element('vscode-dropdown', { attributes: { 'aria-label': 'What is compared' } });
  readonly #more = element('vscode-button', {
    text: 'Show more',
    attributes: { appearance: 'secondary', hidden: '' },
    on: { click: () => this.#showMore() },
  });
  readonly #line = element('p', { class: 'muted' });
  readonly #map = new Heatmap({ onFocus: (cell) => this.#describe(cell), onChoose: (cell) => this.#choose(cell) });
  readonly #pair = element('div', { class: 'pair', attributes: { 'aria-live': 'polite' } });
  readonly #body: HTMLElement;
  readonly #problem = element('p', { class: 'error', attributes: { role: 'alert', hidden: '' } });
  #reading: Reading | undefined;
  #asked: string | undefined;
  #limit = FIRST;
  #data: Similarity = { units: [], matrix: [] };

  constructor(
    private readonly events: {
      readonly similarity: (version: number, unit: Unit, limit: number) => Promise<Similarity>;
      readonly reveal: (uri: string, spans: Span[]) => void;
      readonly onUnit: (unit: Unit) => void;
      readonly explain: (error: unknown) => string | undefined;
    },
    private unit: Unit,
  ) {
    for (const [value, label] of Object.entries(UNITS)) {
      this.#units.append(element('vscode-option', { text: label, attributes: { value, ...(value === unit && { selected: '' }) } }));
    }
    this.#units.addEventListener('change', () => this.#chooseUnit(this.#units.value as Unit));
    this.#body = element('div', { class: 'similarity-body' }, [
      this.#map.root,
      element('div', { class: 'under' }, [this.#map.legend, this.#more]),
      this.#pair,
    ]);
    this.root = element('div', { class: 'similarity-panel' }, [
      element('div', { class: 'toolbar' }, [this.#line, this.#units]),
      this.#problem,
      this.#body,
    ]);
  }

  /** Takes up a reading; it is compared as soon as the section is `visible`. */
  show(reading: Reading, visible: boolean): void {
    if (this.#reading?.uri !== reading.uri) this.#limit = FIRST;
    this.#reading = reading;
    if (visible) this.load();
  }

  /** Asks for the similarities of the newest reading, unless they are shown already. */
  load(): void {
    const reading = this.#reading;
    const key = `${reading?.version ?? 0} ${this.unit} ${this.#limit}`;
    if (!reading || key === this.#asked) return;
    this.#asked = key;
    this.#body.classList.add('waiting');
    this.events.similarity(reading.version, this.unit, this.#limit).then(
      (data) => this.#asked === key && this.#draw(data),
      (error: unknown) => this.#asked === key && this.#fail(error),
    );
  }

  redraw(): void {
    this.#map.draw();
  }

  #draw(data: Similarity): void {
    this.#data = data;
    const count = data.units.length;
    const full = count === this.#limit;
    const name = UNITS[this.unit].toLowerCase();
    this.#body.classList.remove('waiting');
    this.#problem.hidden = true;
    this.#body.hidden = count < 2;
    this.#more.hidden = !full || this.#limit >= MOST;
    this.#line.textContent =
      count < 2 ? `The file has fewer than two ${name} to compare.` : `${full ? 'The first ' : ''}${count} ${name}, each with each`;
    this.#map.show(data);
  }

  #fail(error: unknown): void {
    const text = this.events.explain(error);
    this.#asked = undefined;
    if (text === undefined) return;
    this.#body.classList.remove('waiting');
    this.#problem.textContent = text;
    this.#problem.hidden = false;
  }

  #describe(cell: Cell | undefined): void {
    const [a, b] = [cell && this.#data.units[cell.row], cell && this.#data.units[cell.column]];
    const value = cell && this.#data.matrix[cell.row]?.[cell.column];
    if (!a || !b || value === undefined) {
      this.#pair.replaceChildren(
        element('p', { class: 'muted', text: 'Point at a cell to see its pair; click it to find both in the editor.' }),
      );
      return;
    }
    this.#pair.replaceChildren(
      element('p', { class: 'value' }, [
        element('span', { class: 'muted', text: 'Cosine similarity ' }),
        element('strong', { class: 'number', text: value.toFixed(3) }),
      ]),
      element('p', { class: 'unit', text: a.text, attributes: { dir: 'auto' } }),
      element('p', { class: 'unit', text: b.text, attributes: { dir: 'auto' } }),
    );
  }

  #choose({ row, column }: Cell): void {
    const spans = [...new Set([row, column])].flatMap((index) => {
      const unit = this.#data.units[index];
      return unit ? [{ start: unit.start, end: unit.end }] : [];
    });
    if (this.#reading) this.events.reveal(this.#reading.uri, spans);
  }

  #chooseUnit(unit: Unit): void {
    this.unit = unit;
    this.#limit = FIRST;
    this.events.onUnit(unit);
    this.load();
  }

  #showMore(): void {
    this.#limit = Math.min(MOST, this.#limit * 2);
    this.load();
  }
}
