import type { Reading } from '../../src/shared/webview-protocol';
import type { Prediction } from '../../src/shared/types';
import { element } from '../common/dom';
import { carryHidden, describePart } from './model';
import { predictionCards } from './predictions';
import { TokenList } from './token-list';

/** The most tokens that can be hidden at once; more than a text of this size could still be guessed from. */
const MOST_HIDDEN = 256;

/** The section *Tokens*: the text, the tokens hidden in it, and what the model puts in their place. */
export class TokensPanel {
  readonly root: HTMLElement;
  readonly #line = element('p', { class: 'muted' });
  readonly #draw = element('vscode-button', {
    text: 'Hide as in training',
    attributes: {
      appearance: 'secondary',
      title: 'Hides the tokens that one draw of this run\u2019s masking would hide; press again for another',
    },
    on: { click: () => void this.#mask() },
  });
  readonly #clear = element('vscode-button', {
    text: 'Show all',
    attributes: { appearance: 'secondary' },
    on: { click: () => this.#hide([]) },
  });
  readonly #list = new TokenList((index) => this.#toggle(index));
  readonly #hint = element('p', {
    class: 'hint muted',
    text: 'Click a token to hide it. The model then says what it would put there, from the text on both sides.',
  });
  readonly #cards = element('div', { class: 'cards', attributes: { 'aria-live': 'polite' } });
  #reading: Reading | undefined;
  #hidden: readonly number[];
  #draws = 0;

  constructor(
    private readonly events: {
      /** The tokens that training would hide, another choice for every `draw`. */
      readonly mask: (version: number, draw: number) => Promise<number[]>;
      readonly predict: (version: number, hidden: number[]) => Promise<Prediction[]>;
      readonly onHide: (hidden: readonly number[]) => void;
      /** Turns a failed request into what should be read about it; undefined when nothing should. */
      readonly explain: (error: unknown) => string | undefined;
    },
    private remembered: { readonly uri: string; readonly hidden: readonly number[] } | undefined,
  ) {
    this.#hidden = [];
    this.root = element('div', { class: 'tokens-panel' }, [
      element('div', { class: 'toolbar' }, [this.#line, element('div', { class: 'buttons' }, [this.#draw, this.#clear])]),
      this.#list.root,
      this.#hint,
      this.#cards,
    ]);
  }

  show(reading: Reading): void {
    const restored = this.#reading === undefined && this.remembered?.uri === reading.uri ? this.remembered.hidden : undefined;
    const hidden = restored?.filter((index) => index < reading.tokens.length) ?? carryHidden(this.#reading, this.#hidden, reading);
    this.remembered = undefined;
    this.#reading = reading;
    this.#line.textContent = describePart(reading);
    this.#list.show(reading);
    this.#hide(hidden);
  }

  /** Shows one draw of the binary mask that training puts over this text. */
  async #mask(): Promise<void> {
    const reading = this.#reading;
    if (!reading) return;
    try {
      const hidden = await this.events.mask(reading.version, this.#draws++);
      const shown = hidden.filter((index) => index < reading.tokens.length);
      if (this.#reading === reading) this.#hide(shown.slice(0, MOST_HIDDEN));
    } catch (error) {
      const text = this.events.explain(error);
      if (text !== undefined) this.#cards.replaceChildren(element('p', { class: 'error', text, attributes: { role: 'alert' } }));
    }
  }

  #toggle(index: number): void {
    if (this.#hidden.includes(index)) this.#hide(this.#hidden.filter((each) => each !== index));
    else this.#hide([...this.#hidden, index].slice(-MOST_HIDDEN));
  }

  #hide(hidden: readonly number[]): void {
    this.#hidden = hidden;
    this.events.onHide(hidden);
    this.#list.mark(new Set(hidden));
    this.#clear.toggleAttribute('disabled', hidden.length === 0);
    this.#hint.hidden = hidden.length > 0;
    if (hidden.length === 0) this.#cards.replaceChildren();
    else void this.#predict(hidden);
  }

  async #predict(hidden: readonly number[]): Promise<void> {
    const reading = this.#reading;
    if (!reading) return;
    this.#cards.classList.add('waiting');
    let content: HTMLElement[];
    try {
      const predictions = await this.events.predict(reading.version, [...hidden]);
      // The place hidden last is the one the person looks at.
      const order = new Map(hidden.map((index, at) => [index, at]));
      content = predictionCards(
        predictions.sort((a, b) => (order.get(b.index) ?? 0) - (order.get(a.index) ?? 0)),
        reading,
      );
    } catch (error) {
      const text = this.events.explain(error);
      content = text === undefined ? [] : [element('p', { class: 'error', text, attributes: { role: 'alert' } })];
    }
    if (this.#reading !== reading || this.#hidden !== hidden) return;
    this.#cards.classList.remove('waiting');
    this.#cards.replaceChildren(...content);
  }
}
