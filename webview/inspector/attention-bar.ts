import type { Attention, Token } from '../../src/shared/types';
import { element } from '../common/dom';
import { attentionFrom } from './model';

/** Tokens that are named to those who do not see the colours. */
const NAMED = 5;

/** Chooses layer and head of the attention that is laid over the tokens, and says in words what a token looks at. */
export class AttentionBar {
  readonly root: HTMLElement;
  readonly #on = element('input', { attributes: { type: 'checkbox' } });
  readonly #layer = element('select', { attributes: { 'aria-label': 'Layer' } });
  readonly #head = element('select', { attributes: { 'aria-label': 'Head' } });
  readonly #choice = element('span', { class: 'choice', attributes: { hidden: '' } });
  readonly #words = element('p', { class: 'muted', attributes: { role: 'status', dir: 'auto' } });

  /** @param changed hears that it was switched on or off, or that another layer or head was chosen */
  constructor(changed: () => void) {
    this.#choice.append('layer ', this.#layer, ' head ', this.#head);
    this.root = element('div', { class: 'attention' }, [
      element('label', { attributes: { title: 'Shows what the token under the pointer looks at in one head' } }, [this.#on, ' Attention']),
      this.#choice,
      this.#words,
    ]);
    offer(this.#layer, 1);
    offer(this.#head, 1);
    for (const control of [this.#on, this.#layer, this.#head]) {
      control.addEventListener('change', () => {
        this.#choice.hidden = !this.#on.checked;
        changed();
      });
    }
  }

  get on(): boolean {
    return this.#on.checked;
  }

  /** From 0. */
  get layer(): number {
    return this.#layer.selectedIndex;
  }

  get head(): number {
    return this.#head.selectedIndex;
  }

  /** What a token looks at in the chosen head: weights by token, the largest being 1. */
  show(attention: Attention, tokens: readonly Token[], index: number): ReadonlyMap<number, number> {
    offer(this.#layer, attention.layers);
    offer(this.#head, attention.heads);
    const weights = attentionFrom(attention, index, this.head);
    const highest = Math.max(...weights.values(), Number.MIN_VALUE);
    const seen = [...weights].sort((a, b) => b[1] - a[1]).slice(0, NAMED);
    const list = seen.map(([at, weight]) => `${tokens[at]?.token ?? ''} ${(100 * weight).toFixed(0)} %`);
    this.#words.textContent = `“${tokens[index]?.token ?? ''}” looks at ${list.join(', ')}`;
    return new Map([...weights].map(([at, weight]) => [at, weight / highest]));
  }

  clear(): void {
    this.#words.textContent = this.on ? 'Point at a token, or move to it with the arrow keys.' : '';
  }
}

/** Numbers from 1 to `count`; the choice stays if there is still such a one. */
function offer(list: HTMLSelectElement, count: number): void {
  if (list.options.length === count) return;
  const chosen = Math.max(0, Math.min(list.selectedIndex, count - 1));
  list.replaceChildren(...Array.from({ length: count }, (_, i) => element('option', { text: String(i + 1) })));
  list.selectedIndex = chosen;
}
