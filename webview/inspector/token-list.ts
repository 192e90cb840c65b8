import { element } from '../common/dom';
import type { Reading, SurprisalChange } from '../../src/shared/webview/inspector';
import { formatNats } from '../../src/shared/format';
import { layOut, type TokenView } from './model';

export interface TokenListEvents {
  /** Tokens to hide, or to show again. */
  readonly onHide: (indices: readonly number[], hide: boolean) => void;
  /** The token that the pointer or the keyboard is at. */
  readonly onLook: (index: number) => void;
}

/** The text as tokens: a list box in which tokens are hidden and shown again by clicking or dragging over them, or by keyboard. */
export class TokenList {
  readonly root = element('div', {
    class: 'tokens',
    attributes: {
      role: 'listbox',
      'aria-multiselectable': 'true',
      'aria-label': 'Tokens; select one to hide it and see what the model puts in its place, with Shift and an arrow key several',
    },
    on: {
      pointerdown: (event) => this.#press(event as PointerEvent),
      pointerover: (event) => this.#over(event),
      keydown: (event) => this.#key(event as KeyboardEvent),
      focusin: (event) => this.#look(event),
    },
  });
  #options: HTMLElement[] = [];
  #focused = 0;
  /** Whether the pointer is held down, and hides what it passes (true) or shows it (false). */
  #drag: boolean | undefined;
  #changed = false;

  constructor(private readonly events: TokenListEvents) {
    for (const end of ['pointerup', 'pointercancel']) window.addEventListener(end, () => (this.#drag = undefined));
  }

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
    this.#focused = Math.max(0, Math.min(this.#focused, this.#options.length - 1));
    this.#options[this.#focused]?.setAttribute('tabindex', '0');
    if (hadFocus) this.#options[this.#focused]?.focus();
  }

  /** Shows which tokens are hidden. */
  mark(hidden: ReadonlySet<number>): void {
    for (const option of this.#options) {
      const isHidden = hidden.has(indexOf(option));
      if (isHidden === (option.getAttribute('aria-selected') === 'true')) continue;
      option.setAttribute('aria-selected', String(isHidden));
      option.title = isHidden ? `[MASK], hides “${option.dataset.source ?? ''}”` : '';
    }
  }

  /** Lays weights (0…1) over tokens by their index; none takes them away. */
  weigh(weights: ReadonlyMap<number, number>): void {
    if (weights.size === 0 && !this.root.classList.contains('weighed')) return;
    this.root.classList.toggle('weighed', weights.size > 0);
    for (const option of this.#options) option.style.setProperty('--weight', String(weights.get(indexOf(option)) ?? 0));
  }

  /** Marks the words that another word made more or less surprising; none takes the marks away. */
  change(changes: readonly SurprisalChange[], reading: Reading): void {
    if (changes.length === 0 && !this.#changed) return;
    this.#changed = changes.length > 0;
    for (const option of this.#options) {
      const token = reading.tokens[indexOf(option)];
      const found = token && changes.find(({ start, end }) => token.start >= start && token.end <= end);
      option.classList.toggle('more', found !== undefined && found.after > found.before);
      option.classList.toggle('less', found !== undefined && found.after < found.before);
      if (found) option.title = `${formatNats(found.before)} → ${formatNats(found.after)} nats`;
      else if (option.getAttribute('aria-selected') !== 'true') option.title = '';
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

  #look(event: Event): void {
    const option = optionOf(event);
    if (option) this.events.onLook(indexOf(option));
  }

  #press(event: PointerEvent): void {
    const option = optionOf(event);
    if (!option || event.button !== 0) return;
    event.preventDefault();
    this.#drag = option.getAttribute('aria-selected') !== 'true';
    this.#focus(this.#options.indexOf(option));
    this.#set([option], this.#drag);
  }

  #over(event: Event): void {
    const option = optionOf(event);
    if (!option) return;
    if (this.#drag !== undefined) this.#passTo(this.#options.indexOf(option), this.#drag);
    this.events.onLook(indexOf(option));
  }

  /** The pointer may skip tokens when it is fast: all from where it was are meant. */
  #passTo(index: number, hide: boolean): void {
    const [from, to] = [Math.min(this.#focused, index), Math.max(this.#focused, index)];
    this.#set(this.#options.slice(from, to + 1), hide);
    this.#focus(index);
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
    if (move) {
      // As in any list: with Shift what is passed becomes what the place is that one comes from.
      const hide = event.shiftKey ? option.getAttribute('aria-selected') === 'true' : undefined;
      this.#focus(move());
      const reached = this.#options[this.#focused];
      if (hide !== undefined && reached) this.#set([reached], hide);
    } else if (event.key === ' ' || event.key === 'Enter') this.#set([option], option.getAttribute('aria-selected') !== 'true');
    else return;
    event.preventDefault();
  }

  #set(options: readonly HTMLElement[], hide: boolean): void {
    const changed = options.filter(
      (option) => option.getAttribute('aria-disabled') !== 'true' && (option.getAttribute('aria-selected') === 'true') !== hide,
    );
    if (changed.length > 0) this.events.onHide(changed.map(indexOf), hide);
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

const indexOf = (option: HTMLElement): number => Number(option.dataset.index);
const optionOf = (event: Event): HTMLElement | null => (event.target as Element).closest<HTMLElement>('.token');
