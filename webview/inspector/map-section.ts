import { mapCommand } from '../../src/shared/command-line';
import type { Projection, TextMap } from '../../src/shared/types';
import { CommandLine } from '../common/command-line';
import { element } from '../common/dom';
import { Segments } from '../common/segments';
import { Question } from './question';
import { Scatter } from './scatter';
import { subjectKey, unitTexts, type Section, type SectionHost, type Subject } from './section';
import { spokenUnit, unitAtOffset, unitName } from './similarity-model';

const PROJECTIONS: Readonly<Record<Projection, string>> = { umap: 'UMAP', pca: 'PCA' };
const UMAP = 'UMAP keeps neighbours together; how far apart the groups are says little.';
const PCA = 'PCA shows the two directions in which the embeddings differ most.';

/** A map of the units of a text: what the model finds alike stands together. */
export class MapSection implements Section {
  readonly root: HTMLElement;
  readonly #map = new Scatter({ onFocus: (index, spoken) => this.#describe(index, spoken), onChoose: (index) => this.#choose(index) });
  readonly #note = element('p', { class: 'muted' });
  readonly #unit = element('div', { class: 'pair' });
  readonly #said = element('p', { class: 'unseen', attributes: { role: 'status' } });
  readonly #command: CommandLine;
  readonly #question: Question;
  #subject: Subject | undefined;
  #data: TextMap = { units: [], points: new Float32Array() };
  #offset: number | undefined;

  constructor(
    private readonly host: SectionHost,
    private projection: Projection,
    private readonly onProjection: (projection: Projection) => void,
  ) {
    this.#command = new CommandLine(host.copy);
    const projections = new Segments('Projection', PROJECTIONS, projection, (chosen) => this.#chooseProjection(chosen));
    const body = element('div', {}, [
      element('div', { class: 'toolbar' }, [this.#note, projections.root]),
      this.#map.root,
      element('div', { class: 'under' }, [this.#map.legend, element('span', { class: 'key here square', text: 'Cursor in the editor' })]),
      this.#unit,
      this.#command.root,
      this.#said,
    ]);
    this.#question = new Question(body, 'Drawing the map…', host.explain);
    this.root = this.#question.root;
  }

  get count(): number {
    return this.#data.units.length;
  }

  show(subject: Subject): Promise<void> {
    this.#subject = subject;
    const { projection } = this;
    return this.#question.ask(`${subjectKey(subject)} ${projection}`, async (signal, arrived) => {
      const { content, unit, limit, model, file } = subject;
      this.#data = await this.host.request('map', { content, unit, limit, projection }, { signal });
      const { explained } = this.#data;
      this.#note.textContent = explained === undefined ? UMAP : projection === 'pca' ? PCA : `These are too few for UMAP. ${PCA}`;
      this.#map.show(this.#data);
      this.#mark();
      this.#command.show(file === undefined ? undefined : mapCommand(model, file, unit, projection));
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

  #describe(index: number | undefined, spoken: boolean): void {
    const { units } = this.#data;
    if (index === undefined) {
      this.#unit.replaceChildren(element('p', { class: 'muted', text: 'Point at a dot to read it; click it to find it in the editor.' }));
      this.#said.textContent = '';
      return;
    }
    const name = unitName(this.#subject?.unit ?? 'sentence');
    this.#unit.replaceChildren(
      element('p', { class: 'muted', text: `${name} ${index + 1} of ${this.count}` }),
      ...unitTexts([units[index]?.text]),
    );
    if (spoken) this.#said.textContent = spokenUnit(units, index, name);
  }

  #choose(index: number): void {
    const unit = this.#data.units[index];
    if (this.#subject && unit) this.host.reveal(this.#subject.uri, [unit]);
  }

  #chooseProjection(projection: Projection): void {
    this.projection = projection;
    this.onProjection(projection);
    if (this.#subject) void this.show(this.#subject);
  }
}
