import type { Attention, Prediction, Span } from '../../src/shared/types';
import type { Models, Reading, Replaced, Side } from '../../src/shared/webview/inspector';
import { attentionCommand, maskCommand } from '../../src/shared/command-line';
import { CommandLine } from '../common/command-line';
import { afterPaint, element, setAble } from '../common/dom';
import { AttentionBar } from './attention-bar';
import { byToken, carryHidden, describePart, maskedText, modelsKey, sidesOf } from './model';
import type { Panel } from './panel';
import { predictionCard } from './predictions';
import { TokenList } from './token-list';

/** The most tokens that can be hidden at once; more than a text of this size could still be guessed from. */
const MOST_HIDDEN = 256;
/** Places that are shown in full; the others hide as well. */
const MOST_CARDS = 24;
/** Tokens that are shown first in a panel that opens: about as many as the list has room for. */
const FIRST = 256;
/** Milliseconds that a drag may pause before what it hid is predicted. */
const PAUSE = 60;

export interface TokensEvents {
  /** The tokens that training would hide, another choice for every `draw`. */
  readonly mask: (version: number, draw: number) => Promise<number[]>;
  readonly predict: (version: number, side: Side, spans: Span[], signal: AbortSignal) => Promise<Prediction[]>;
  readonly replace: (version: number, side: Side, span: Span, text: string, hidden: Span[]) => Promise<Replaced>;
  readonly attention: (version: number, index: number, layer: number, hidden: Span[]) => Promise<Attention>;
  readonly copy: (text: string) => Promise<unknown>;
  readonly onHide: (hidden: readonly number[]) => void;
  /** Turns a failed request into what should be read about it; undefined when nothing should. */
  readonly explain: (error: unknown) => string | undefined;
}

/** The section *Tokens*: the text, the tokens hidden in it, what one or two models put in their place, and what a token looks at. */
export class TokensPanel implements Panel {
  readonly root: HTMLElement;
  readonly #line = element('p', { class: 'muted' });
  readonly #draw = element('button', {
    class: 'button',
    text: 'Hide as in training',
    attributes: {
      title: 'Hides the tokens that one draw of this run\u2019s masking would hide; press again for another',
    },
    on: { click: () => void this.#mask() },
  });
  readonly #clear = element('button', { class: 'button', text: 'Show all', on: { click: () => this.#hide([]) } });
  readonly #list = new TokenList({ onHide: (indices, hide) => this.#set(indices, hide), onLook: (index) => void this.#look(index) });
  readonly #attention = new AttentionBar(() => void this.#look(this.#lookedAt));
  readonly #hint = element('p', {
    class: 'hint muted',
    text: 'Click a token to hide it, or drag over several. The model then says what it would put there, from the text on both sides.',
  });
  readonly #cards = element('div', { class: 'cards', attributes: { 'aria-live': 'polite' } });
  readonly #command: CommandLine;
  #reading: Reading | undefined;
  #models: Models = { runs: [] };
  #hidden: readonly number[] = [];
  #draws = 0;
  #lookedAt: number | undefined;
  #read: { readonly key: string; readonly attention: Attention } | undefined;
  #pause: number | undefined;
  #running = new AbortController();

  constructor(
    private readonly events: TokensEvents,
    private remembered: { readonly uri: string; readonly hidden: readonly number[] } | undefined,
  ) {
    this.#command = new CommandLine(events.copy);
    this.root = element('div', { class: 'tokens-panel' }, [
      element('div', { class: 'toolbar' }, [this.#line, element('div', { class: 'buttons' }, [this.#draw, this.#clear])]),
      this.#list.root,
      this.#attention.root,
      this.#hint,
      this.#cards,
      this.#command.root,
    ]);
  }

  show(reading: Reading): void {
    const first = this.#reading === undefined;
    const restored = first && this.remembered?.uri === reading.uri ? this.remembered.hidden : undefined;
    const hidden = restored?.filter((index) => index < reading.tokens.length) ?? carryHidden(this.#reading, this.#hidden, reading);
    this.remembered = undefined;
    this.#reading = reading;
    this.#line.textContent = describePart(reading);
    if (first && reading.tokens.length > FIRST) {
      // What is out of sight takes as long again.
      this.#list.show({ ...reading, tokens: reading.tokens.slice(0, FIRST) });
      afterPaint(() => {
        if (this.#reading !== reading) return;
        this.#list.show(reading);
        this.#list.mark(new Set(this.#hidden));
      });
    } else this.#list.show(reading);
    this.#hide(hidden);
  }

  compare(models: Models): void {
    const changed = modelsKey(models) !== modelsKey(this.#models);
    this.#models = models;
    if (changed && this.#hidden.length > 0) this.#hide(this.#hidden);
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
      this.#fail(error);
    }
  }

  #set(indices: readonly number[], hide: boolean): void {
    const others = this.#hidden.filter((each) => !indices.includes(each));
    this.#hide(hide ? [...others, ...indices].slice(-MOST_HIDDEN) : others);
  }

  #hide(hidden: readonly number[]): void {
    this.#hidden = hidden;
    this.events.onHide(hidden);
    this.#list.mark(new Set(hidden));
    setAble(this.#clear, hidden.length > 0);
    this.#hint.hidden = hidden.length > 0;
    if (this.#reading) this.#list.change([], this.#reading);
    this.#tell();
    void this.#look(this.#lookedAt);
    window.clearTimeout(this.#pause);
    this.#running.abort();
    if (hidden.length === 0) this.#cards.replaceChildren();
    else this.#pause = window.setTimeout(() => void this.#predict(hidden), PAUSE);
  }

  async #predict(hidden: readonly number[]): Promise<void> {
    const reading = this.#reading;
    if (!reading) return;
    const { signal } = (this.#running = new AbortController());
    this.#cards.classList.add('waiting');
    try {
      const spans = this.#spans(reading, hidden);
      const sides = await Promise.all(
        sidesOf(this.#models).map(async ({ side, name }) => {
          const found = byToken(reading.tokens, hidden, await this.events.predict(reading.version, side, spans, signal));
          return { side, name, found };
        }),
      );
      if (this.#reading !== reading || this.#hidden !== hidden) return;
      const all = new Set(hidden);
      // The place hidden last is the one the person looks at.
      const shown = [...hidden].reverse().slice(0, MOST_CARDS);
      this.#cards.replaceChildren(
        ...shown.map((index) => {
          const predictions = sides.map(({ side, name, found }) => ({ side, name, prediction: found.get(index) }));
          return predictionCard({ index, predictions }, reading, all, (at, side, text) => this.#replace(reading, at, side, text));
        }),
        ...(hidden.length > MOST_CARDS
          ? [element('p', { class: 'muted', text: `The ${MOST_CARDS} places hidden last, of ${hidden.length}.` })]
          : []),
      );
      this.#cards.classList.remove('waiting');
    } catch (error) {
      if (this.#reading === reading && this.#hidden === hidden) this.#fail(error);
    }
  }

  async #replace(reading: Reading, index: number, side: Side, text: string): Promise<Replaced> {
    const token = reading.tokens[index];
    if (!token) throw new Error('The text has changed.');
    const hidden = this.#spans(
      reading,
      this.#hidden.filter((each) => each !== index),
    );
    const replaced = await this.events.replace(reading.version, side, { start: token.start, end: token.end }, text, hidden);
    if (side === 'first' && this.#reading === reading) this.#list.change(replaced.changes, reading);
    return replaced;
  }

  /** Lays over the text what a token looks at. */
  async #look(index: number | undefined): Promise<void> {
    this.#lookedAt = index;
    const reading = this.#reading;
    if (!reading || index === undefined || !this.#attention.on) {
      this.#list.weigh(new Map());
      this.#attention.clear();
      this.#tell();
      return;
    }
    const key = `${reading.version} ${this.#attention.layer} ${this.#hidden.join()}`;
    try {
      let read = this.#read;
      if (read?.key !== key || index < read.attention.from || index >= read.attention.to) {
        const attention = await this.events.attention(reading.version, index, this.#attention.layer, this.#spans(reading, this.#hidden));
        read = { key, attention };
      }
      if (this.#reading !== reading || this.#lookedAt !== index) return;
      this.#read = read;
      this.#list.weigh(this.#attention.show(read.attention, reading.tokens, index));
      this.#tell();
    } catch (error) {
      if (this.#lookedAt === index) this.#fail(error);
    }
  }

  /** The command that does the same in a terminal. */
  #tell(): void {
    const [reading, attention, token] = [this.#reading, this.#read?.attention, this.#lookedAt];
    if (!reading) return;
    const { model, part, tokens } = reading;
    if (this.#attention.on && attention && token !== undefined) {
      const [first, last] = [tokens[attention.from], tokens[attention.to - 1]];
      const text = part.text.slice((first?.start ?? 0) - part.start, (last?.end ?? 0) - part.start);
      this.#command.show(attentionCommand(model, text, token - attention.from, this.#attention.layer, this.#attention.head));
    } else this.#command.show(this.#hidden.length > 0 ? maskCommand(model, maskedText(reading, this.#hidden)) : undefined);
  }

  #spans(reading: Reading, indices: readonly number[]): Span[] {
    return indices.flatMap((index) => {
      const token = reading.tokens[index];
      return token ? [{ start: token.start, end: token.end }] : [];
    });
  }

  #fail(error: unknown): void {
    const text = this.events.explain(error);
    this.#cards.classList.remove('waiting');
    if (text !== undefined) this.#cards.replaceChildren(element('p', { class: 'error', text, attributes: { role: 'alert' } }));
  }
}
