import { element } from '../common/dom';
import type { Reading } from '../../src/shared/webview-protocol';
import { layOut, type TokenView } from './model';

/** The text as tokens: a list box in which every token can be hidden and shown again, by mouse or by keyboard. */
export class TokenList {
  readonly root = element('div', {
    class: 'tokens',
    attributes: {
      role: 'listbox',
      'aria-multiselectable': 'true',
      'aria-label': 'Tokens; select one to hide it and see what the model puts in its place',
    },
    on: { click: (event) => this.#click(event), keydown: (event) => this.#key(event as KeyboardEvent) },
  });
  #options: HTMLElement[] = [];
  #focused = 0;

  /** @param toggle hears of the index of the token that was clicked */
  constructor(private readonly toggle: (index: number) => void) {}

  /** Shows another text, or the same one anew; the focus stays on the same place. */
  show(reading: Reading): void {
    const hadFocus = this.root.contains(document.activeElement);
    this.#options = [];
    this.root.replaceChildren(
      ...layOut(reading).map(({ words, gap }) =>
        element(
          'p',
          { class: gap ? 'gap' : '', attributes: { dir: 'auto', role: 'presentation' } },
          words.flatMap((word) => [
            element(
              'span',
              { class: 'word', attributes: { role: 'presentation' } },
              word.map((token) => this.#option(token)),
            ),
            ' ',
          ]),
        ),
      ),
    );
    this.#focused = Math.min(this.#focused, this.#options.length - 1);
    this.#options[this.#focused]?.setAttribute('tabindex', '0');
    if (hadFocus) this.#options[this.#focused]?.focus();
  }

  /** Shows which tokens are hidden. */
  mark(hidden: ReadonlySet<number>): void {
    for (const option of this.#options) {
      const isHidden = hidden.has(Number(option.dataset.index));
      if (isHidden === (option.getAttribute('aria-selected') === 'true')) continue;
      option.setAttribute('aria-selected', String(isHidden));
      option.title = isHidden ? `[MASK], hides “${option.dataset.source ?? ''}”` : '';
    }
  }

  #option({ index, text, piece, source, special }: TokenView): HTMLElement {
    const option = element('span', {
      class: `token${piece ? ' piece' : ''}`,
      text,
      attributes: { role: 'option', tabindex: '-1', 'aria-selected': 'false', 'data-index': String(index), 'data-source': source },
    });
    if (special) option.setAttribute('aria-disabled', 'true');
    if (piece) option.setAttribute('aria-label', `##${text}`);
    this.#options.push(option);
    return option;
  }

  #click(event: Event): void {
    const option = (event.target as Element).closest<HTMLElement>('.token');
    if (!option) return;
    this.#focus(this.#options.indexOf(option));
    this.#toggle(option);
  }

  #key(event: KeyboardEvent): void {
    const option = this.#options[this.#focused];
    if (!option) return;
    const forward = getComputedStyle(option).direction === 'rtl' ? -1 : 1;
    const moves: Readonly<Record<string, () => number>> = {
      ArrowRight: () => this.#focused + forward,
      ArrowLeft: () => this.#focused - forward,
      ArrowDown: () => this.#lineBelow(option, 1),
      ArrowUp: () => this.#lineBelow(option, -1),
      Home: () => 0,
      End: () => this.#options.length - 1,
    };
    const move = moves[event.key];
    if (move) this.#focus(move());
    else if (event.key === ' ' || event.key === 'Enter') this.#toggle(option);
    else return;
    event.preventDefault();
  }

  #toggle(option: HTMLElement): void {
    if (option.getAttribute('aria-disabled') !== 'true') this.toggle(Number(option.dataset.index));
  }

  #focus(index: number): void {
    const next = this.#options[index];
    if (!next) return;
    this.#options[this.#focused]?.setAttribute('tabindex', '-1');
    this.#focused = index;
    next.setAttribute('tabindex', '0');
    next.focus();
  }

  /** The token nearest to this one on the next line in a direction. */
  #lineBelow(option: HTMLElement, direction: 1 | -1): number {
    const from = option.getBoundingClientRect();
    let best = this.#focused;
    let nearest = Infinity;
    let line: number | undefined;
    for (let i = this.#focused + direction; i >= 0 && i < this.#options.length; i += direction) {
      const box = this.#options[i]?.getBoundingClientRect();
      if (!box || Math.abs(box.top - from.top) < from.height / 2) continue;
      line ??= box.top;
      if (Math.abs(box.top - line) > from.height / 2) break;
      const distance = Math.abs(box.left - from.left);
      if (distance < nearest) [best, nearest] = [i, distance];
    }
    return best;
  }
}
