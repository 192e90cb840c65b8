import type { Output } from '../shared/kernel-protocol';

/** What a cell may write, in characters, what all it shows may hold, and how often it may show something: more no editor draws, and no file keeps. */
export const MOST_TEXT = 1_000_000;
export const MOST_DISPLAY = 8_000_000;
export const MOST_DISPLAYS = 500;

/** How long text waits for more, in milliseconds, so that a thousand lines are one message; and a display for the one that takes its place. */
const WAIT = 50;

type Name = 'stdout' | 'stderr';
type Display = Extract<Output, { kind: 'display' }>;

/** A display that may be replaced. */
interface Place {
  size: number;
  shown: number;
  /** What comes next in its place. */
  next?: Display | undefined;
}

/** Gathers what cells write and hands it on in pieces, in the order in which it came; a cell that writes too much is cut off, and told so. */
export class Streams {
  #name: Name = 'stdout';
  #text = '';
  #written = 0;
  #leftOut = 0;
  #flushed = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #places = new Map<string, Place>();
  #displays = 0;
  #displayed = 0;
  #hidden = 0;

  constructor(private readonly send: (output: Output) => void) {}

  /** A new cell begins. */
  begin(): void {
    this.#text = '';
    this.#written = 0;
    this.#leftOut = 0;
    this.#places.clear();
    this.#displays = 0;
    this.#displayed = 0;
    this.#hidden = 0;
  }

  write(name: Name, text: string): void {
    const kept = text.slice(0, Math.max(0, MOST_TEXT - this.#written));
    this.#written += kept.length;
    this.#leftOut += text.length - kept.length;
    if (kept === '') return;
    if (name !== this.#name) this.flush();
    this.#name = name;
    this.#text += kept;
    // A cell that never lets others have the thread is heard of all the same.
    if (performance.now() - this.#flushed > WAIT) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), WAIT);
  }

  /** Something that is shown; one with an `id` takes the place of the one before. @param size in characters */
  show(display: Display, size: number): void {
    const place = display.id === undefined ? undefined : this.#places.get(display.id);
    const grown = size - (place?.size ?? 0);
    if (this.#displayed + grown > MOST_DISPLAY || (!place && this.#displays === MOST_DISPLAYS)) {
      this.#hidden++;
      return;
    }
    this.#displayed += grown;
    if (place) return this.#replace(place, display, size);
    this.flush();
    this.#displays++;
    if (display.id !== undefined) this.#places.set(display.id, { size, shown: performance.now() });
    this.send(display);
  }

  #replace(place: Place, display: Display, size: number): void {
    place.size = size;
    place.next = display;
    if (performance.now() - place.shown > WAIT) this.#renew(place);
    else this.#timer ??= setTimeout(() => this.flush(), WAIT);
  }

  #renew(place: Place): void {
    if (!place.next) return;
    this.send(place.next);
    place.next = undefined;
    place.shown = performance.now();
  }

  flush(): void {
    for (const place of this.#places.values()) this.#renew(place);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushed = performance.now();
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.send({ kind: 'stream', name: this.#name, text });
  }

  /** The cell has ended. */
  end(): void {
    this.flush();
    if (this.#leftOut > 0)
      this.#say(`\n… ${shown(this.#leftOut)} more characters were written than the ${shown(MOST_TEXT)} that are shown.\n`);
    if (this.#hidden > 0)
      this.#say(
        `\n… ${shown(this.#hidden)} more results were to be shown: a cell shows ${shown(MOST_DISPLAYS)} at most, and ${shown(MOST_DISPLAY)} characters in all.\n`,
      );
  }

  #say(text: string): void {
    this.send({ kind: 'stream', name: 'stderr', text });
  }
}

const shown = (count: number): string => count.toLocaleString('en');
