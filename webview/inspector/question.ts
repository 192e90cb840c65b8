import { element } from '../common/dom';

/** Turns a failed request into what should be read about it; undefined when nothing should. */
export type Explain = (error: unknown) => string | undefined;

type Work = (signal: AbortSignal, arrived: (seen: boolean) => void) => Promise<void>;

/** How long an answer may take before the page says what it waits for, in milliseconds. */
const PATIENCE = 500;

/** A question whose answer fills a part of the page: asked once for each key, given up for another one, its failure shown in place. */
export class Question {
  /** The part of the page, with what is to be read about it. */
  readonly root: HTMLElement;
  readonly #busy: HTMLElement;
  readonly #problem = element('p', { class: 'error', attributes: { role: 'alert', hidden: '' } });
  #key: string | undefined;
  #answered = Promise.resolve();
  #running: AbortController | undefined;

  /**
   * @param body has nothing to show before the first answer, and is dimmed while another one is waited for
   * @param busy says what is waited for
   */
  constructor(
    private readonly body: HTMLElement,
    busy: string,
    private readonly explain: Explain,
  ) {
    body.hidden = true;
    this.#busy = element('p', { class: 'muted', text: busy, attributes: { role: 'status', hidden: '' } });
    this.root = element('div', {}, [this.#problem, this.#busy, body]);
  }

  /**
   * Asks, unless this key was asked last and its answer is there or on its way; resolves when it is there, or given up. `work` shows the answer, and calls
   * `arrived` as soon as it is known whether there is something to be seen.
   */
  ask(key: string, work: Work): Promise<void> {
    if (key !== this.#key) {
      this.stop();
      this.#key = key;
      this.#answered = this.#ask(work);
    }
    return this.#answered;
  }

  async #ask(work: Work): Promise<void> {
    const running = (this.#running = new AbortController());
    this.body.classList.add('waiting');
    const timer = setTimeout(() => (this.#busy.hidden = this.#running !== running), PATIENCE);
    const settle = (problem?: string): void => {
      clearTimeout(timer);
      this.#busy.hidden = true;
      this.body.classList.remove('waiting');
      this.#problem.textContent = problem ?? '';
      this.#problem.hidden = problem === undefined;
    };
    try {
      await work(running.signal, (seen) => {
        this.body.hidden = !seen;
        settle();
      });
      if (this.#running === running) this.#running = undefined;
    } catch (error) {
      if (this.#running !== running) return;
      [this.#running, this.#key] = [undefined, undefined];
      const problem = this.explain(error);
      if (problem !== undefined) settle(problem);
    }
  }

  /** Gives up what is being asked, so that it is asked again; an answer that is there stays. */
  stop(): void {
    if (!this.#running) return;
    this.#running.abort();
    this.#busy.hidden = true;
    [this.#running, this.#key] = [undefined, undefined];
  }
}
