import type { RunSummary } from '../../src/shared/types';
import type { ModelChoice, Side } from '../../src/shared/webview-protocol';
import { element } from '../common/dom';
import { describeCheckpoint, describeRun } from './model';

/** Entries of the second side's list that are no runs. */
const NONE = '';
const BROWSE = 'browse';

export interface PickerEvents {
  /** `checkpoint` is a folder; absent: the newest. `model` absent: nothing is compared. */
  readonly choose: (side: Side, model: string | undefined, checkpoint?: string) => void;
  readonly browse: () => void;
}

/** What reads the file on one side: a list of runs, and a slider over the checkpoints of the chosen one, the newest at its right end. */
export class ModelPicker {
  readonly root: HTMLElement;
  readonly #list: HTMLElementTagNameMap['vscode-dropdown'];
  readonly #slider = element('input', { attributes: { type: 'range', min: '0', step: '1' } });
  readonly #at = element('span', { class: 'number muted' });
  readonly #travel: HTMLElement;
  #choice: ModelChoice | undefined;
  #shown = '';

  constructor(
    private readonly side: Side,
    private readonly events: PickerEvents,
  ) {
    const whose = side === 'first' ? 'whose model reads the file' : 'whose model reads the file beside it, for comparison';
    this.#list = element('vscode-dropdown', { attributes: { 'aria-label': `Run ${whose}` } });
    this.#slider.setAttribute('aria-label', `Checkpoint of the run ${whose}`);
    this.#travel = element('label', { class: 'travel' }, [this.#slider, this.#at]);
    this.root = element('div', { class: 'picker' }, [
      element('label', { class: 'run' }, [element('span', { class: 'muted', text: side === 'first' ? 'Run' : 'Beside' }), this.#list]),
      this.#travel,
    ]);
    this.#list.addEventListener('change', () => this.#pick(this.#list.value));
    this.#slider.addEventListener('input', () => this.#move(Number(this.#slider.value)));
  }

  show(runs: readonly RunSummary[], choice: ModelChoice | undefined): void {
    this.#choice = choice;
    this.#showSlider();
    const options = runs.map((run) => ({ value: run.folder, label: describeRun(run) }));
    if (this.side === 'second') {
      if (choice && !runs.some(({ folder }) => folder === choice.model)) options.push({ value: choice.model, label: choice.name });
      options.unshift({ value: NONE, label: 'No comparison' });
      options.push({ value: BROWSE, label: 'A model folder…' });
    }
    // An open list is left alone, and one that would look the same too: rebuilding it would lose the person's place.
    const shown = JSON.stringify([options, choice?.model]);
    if (shown === this.#shown || this.#list.open) return;
    this.#shown = shown;
    this.#list.replaceChildren(...options.map(({ value, label }) => element('vscode-option', { text: label, attributes: { value } })));
    this.#list.toggleAttribute('disabled', options.length === 0);
    // The element takes its options up with its next rendering.
    requestAnimationFrame(() => (this.#list.value = choice?.model ?? NONE));
  }

  #pick(value: string): void {
    if (value === BROWSE) {
      this.#list.value = this.#choice?.model ?? NONE;
      this.events.browse();
    } else this.events.choose(this.side, value === NONE ? undefined : value);
  }

  #showSlider(): void {
    const checkpoints = this.#choice?.checkpoints ?? [];
    this.#travel.hidden = checkpoints.length < 2;
    const chosen = checkpoints.findIndex(({ folder }) => folder === this.#choice?.checkpoint);
    this.#slider.max = String(checkpoints.length - 1);
    this.#slider.value = String(chosen < 0 ? checkpoints.length - 1 : chosen);
    this.#describe(Number(this.#slider.value));
  }

  #move(index: number): void {
    const { model, checkpoints } = this.#choice ?? {};
    this.#describe(index);
    // The right end follows the run.
    const checkpoint = index === Number(this.#slider.max) ? undefined : checkpoints?.[index]?.folder;
    this.events.choose(this.side, model, checkpoint);
  }

  #describe(index: number): void {
    const checkpoints = this.#choice?.checkpoints ?? [];
    const text = describeCheckpoint(checkpoints, index);
    this.#at.textContent = text;
    this.#slider.setAttribute('aria-valuetext', text);
  }
}
