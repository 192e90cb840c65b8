import { element } from './dom';

/** A row of buttons of which one is pressed in: a choice between few things. Arrow keys choose, as in any group of radio buttons. */
export class Segments<T extends string> {
  readonly root: HTMLElement;
  readonly #buttons: ReadonlyMap<T, HTMLElement>;

  constructor(
    label: string,
    options: Readonly<Record<T, string>>,
    value: T,
    private readonly onChoose: (value: T) => void,
  ) {
    const entries = Object.entries(options) as [T, string][];
    const choose = (option: T): void => {
      this.#mark(option);
      this.onChoose(option);
    };
    this.#buttons = new Map(
      entries.map(([option, text]) => [
        option,
        element('button', { text, attributes: { role: 'radio' }, on: { click: () => choose(option) } }),
      ]),
    );
    this.root = element(
      'div',
      {
        class: 'segments',
        attributes: { role: 'radiogroup', 'aria-label': label },
        on: {
          keydown: (event) => {
            const { key } = event as KeyboardEvent;
            const step = ['ArrowRight', 'ArrowDown'].includes(key) ? 1 : ['ArrowLeft', 'ArrowUp'].includes(key) ? -1 : 0;
            const at = [...this.#buttons.values()].findIndex((button) => button === document.activeElement);
            const next = entries.at((at + step) % entries.length);
            if (step === 0 || at < 0 || !next) return;
            event.preventDefault();
            choose(next[0]);
            this.#buttons.get(next[0])?.focus();
          },
        },
      },
      [...this.#buttons.values()],
    );
    this.#mark(value);
  }

  #mark(value: T): void {
    for (const [option, button] of this.#buttons) {
      button.setAttribute('aria-checked', String(option === value));
      button.tabIndex = option === value ? 0 : -1;
    }
  }
}
