import * as z from 'zod/mini';
import { Projection, Unit } from '../../src/shared/types';
import type { Models, Reading } from '../../src/shared/webview/inspector';
import { element } from '../common/dom';
import { Segments } from '../common/segments';
import { GeometryView } from './geometry';
import { HeatmapSection } from './heatmap-section';
import { MapSection } from './map-section';
import { NeighboursSection } from './neighbours-section';
import type { Panel } from './panel';
import type { Section, SectionHost, Subject } from './section';
import { describeUnits } from './similarity-model';

/** How many units are compared at first, how many times as many next, and at most. */
const FIRST = 200;
const MORE = 4;
const MOST = 2_000;

const View = z.enum(['heatmap', 'map', 'neighbours']);
type View = z.infer<typeof View>;

/** What the panel remembers. */
export const SimilarityState = z.object({ unit: Unit, view: View, projection: Projection });
export type SimilarityState = z.infer<typeof SimilarityState>;

const VIEWS: Readonly<Record<View, string>> = { heatmap: 'Heatmap', map: 'Map', neighbours: 'Neighbours' };
const UNITS: Readonly<Record<Unit, string>> = { sentence: 'Sentences', line: 'Lines', paragraph: 'Paragraphs' };

/** The section *Similarity*: how alike the model finds the sentences, lines or paragraphs of the file, and of the workspace. */
export class SimilarityPanel implements Panel {
  readonly root: HTMLElement;
  readonly #line = element('p', { class: 'muted', attributes: { role: 'status' } });
  readonly #more = element('button', {
    class: 'button',
    text: 'Show more',
    attributes: { hidden: '' },
    on: { click: () => this.#showMore() },
  });
  readonly #amount = element('div', { class: 'toolbar' }, [this.#line, this.#more]);
  readonly #sections: Readonly<Record<View, Section>>;
  readonly #geometry: GeometryView;
  #reading: Reading | undefined;
  #models: Models = { runs: [] };
  #visible = false;
  #limit = FIRST;
  /** What was shown last: late answers about anything else change nothing. */
  #shown: Subject | undefined;

  constructor(
    host: SectionHost,
    private state: SimilarityState,
    private readonly remember: (state: SimilarityState) => void,
  ) {
    this.#sections = {
      heatmap: new HeatmapSection(host),
      map: new MapSection(host, state.projection, (projection) => this.#update({ projection })),
      neighbours: new NeighboursSection(host),
    };
    this.#geometry = new GeometryView(host);
    const units = element(
      'select',
      { attributes: { 'aria-label': 'What is compared' } },
      Object.entries(UNITS).map(([value, label]) => element('option', { text: label, attributes: { value } })),
    );
    units.value = state.unit;
    units.addEventListener('change', () => {
      this.#limit = FIRST;
      this.#update({ unit: Unit.parse(units.value) });
    });
    const views = new Segments('View', VIEWS, state.view, (view) => this.#update({ view }));
    this.root = element('div', { class: 'similarity-panel' }, [
      element('div', { class: 'toolbar' }, [views.root, units]),
      this.#amount,
      ...Object.values(this.#sections).map(({ root }) => root),
      this.#geometry.root,
    ]);
  }

  /** Takes up a reading; it is looked at as soon as the panel is seen. */
  show(reading: Reading): void {
    if (this.#reading?.uri !== reading.uri) this.#limit = FIRST;
    this.#reading = reading;
    this.#refresh();
  }

  compare(models: Models): void {
    this.#models = models;
    this.#refresh();
  }

  setVisible(visible: boolean): void {
    if (visible === this.#visible) return;
    this.#visible = visible;
    this.#refresh();
  }

  follow(offset: number): void {
    for (const section of Object.values(this.#sections)) section.follow(offset);
  }

  redraw(): void {
    for (const section of Object.values(this.#sections)) section.redraw();
  }

  #update(change: Partial<SimilarityState>): void {
    this.state = { ...this.state, ...change };
    this.remember(this.state);
    this.#refresh();
  }

  #showMore(): void {
    this.#limit = Math.min(MOST, this.#limit * MORE);
    this.#refresh();
  }

  /** Shows the chosen section and lets it ask, once the panel is seen; the others do nothing. */
  #refresh(): void {
    const active = this.#sections[this.state.view];
    for (const section of Object.values(this.#sections)) {
      section.root.hidden = section !== active;
      if (section !== active || !this.#visible) section.stop();
    }
    this.#amount.hidden = active.count === undefined;
    if (active.count === undefined) this.#geometry.hide();
    else if (!this.#visible) this.#geometry.stop();
    if (this.#visible && this.#reading) void this.#ask(active, this.#reading);
  }

  async #ask(active: Section, { uri, content, model, file }: Reading): Promise<void> {
    const subject: Subject = { uri, content, model, file, unit: this.state.unit, limit: this.#limit, models: this.#models };
    this.#shown = subject;
    await active.show(subject);
    const { count } = active;
    if (this.#shown !== subject || !this.#visible || count === undefined) return;
    this.#line.textContent = describeUnits(count, this.#limit, this.state.unit);
    this.#more.hidden = count < this.#limit || this.#limit >= MOST;
    if (count < 2) this.#geometry.hide();
    else await this.#geometry.show(subject);
  }
}
