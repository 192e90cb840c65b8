import { element } from './dom';

/** A labelled drop-down of plain texts. */
export class Choice {
  readonly root: HTMLElement;
  readonly #select: HTMLSelectElement;

  /** @param name what a screen reader calls it, where the label that is seen says too little */
  constructor(label: string, onChoose: (value: string) => void, name = label) {
    this.#select = element('select', { attributes: { 'aria-label': name }, on: { change: () => onChoose(this.#select.value) } });
    this.root = element('label', { class: 'choice' }, [element('span', { class: 'muted', text: label }), this.#select]);
  }

  get value(): string {
    return this.#select.value;
  }

  /** @param options texts by value */
  offer(options: ReadonlyMap<string, string>, value: string): void {
    const same = [...options].every(([key, text], i) => this.#select.options[i]?.value === key && this.#select.options[i].text === text);
    // An open list is not to close while nothing has changed.
    if (!same || options.size !== this.#select.options.length)
      this.#select.replaceChildren(...[...options].map(([key, text]) => element('option', { text, attributes: { value: key } })));
    this.#select.value = value;
  }
}
