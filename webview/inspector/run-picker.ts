import type { RunSummary } from '../../src/shared/types';
import { element } from '../common/dom';
import { describeRun } from './model';

/** The list of runs whose model may read the file. */
export class RunPicker {
  readonly root: HTMLElement;
  readonly #list = element('vscode-dropdown', { attributes: { 'aria-label': 'Run whose model reads the file' } });
  #shown = '';

  constructor(choose: (run: string) => void) {
    this.root = element('label', { class: 'run' }, [element('span', { class: 'muted', text: 'Run' }), this.#list]);
    this.#list.addEventListener('change', () => choose(this.#list.value));
  }

  show(runs: readonly RunSummary[], selected: string | undefined): void {
    const options = runs.map((run) => ({ value: run.folder, label: describeRun(run) }));
    // An open list is left alone, and one that would look the same too: rebuilding it would lose the person's place.
    const shown = JSON.stringify([options, selected]);
    if (shown === this.#shown || this.#list.open) return;
    this.#shown = shown;
    this.#list.replaceChildren(...options.map(({ value, label }) => element('vscode-option', { text: label, attributes: { value } })));
    this.#list.toggleAttribute('disabled', options.length === 0);
    // The element takes its options up with its next rendering.
    requestAnimationFrame(() => {
      if (selected !== undefined) this.#list.value = selected;
    });
  }
}
