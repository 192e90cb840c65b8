import { element } from '../common/dom';

/** Turns a failed request into what should be read about it; undefined when nothing should. */
export type Explain = (error: unknown) => string | undefined;

/** A question whose answer fills a part of the page: asked once for each key, given up for another one, its failure shown in place. */
export class Question {
  readonly problem = element('p', { class: 'error', attributes: { role: 'alert', hidden: '' } });
  #key: string | undefined;
  #running: AbortController | undefined;

  /** @param body is dimmed while an answer is waited for */
  constructor(
    private readonly body: HTMLElement,
    private readonly explain: Explain,
  ) {}

  /**
   * Asks, unless this key was asked last and its answer is there or on its way. `work` shows the answer, and calls `arrived` as soon as there is something
   * to be seen.
   */
  async ask(key: string, work: (signal: AbortSignal, arrived: () => void) => Promise<void>): Promise<void> {
    if (key === this.#key) return;
    this.stop();
    const running = (this.#running = new AbortController());
    this.#key = key;
    this.body.classList.add('waiting');
    const settle = (problem?: string): void => {
      this.body.classList.remove('waiting');
      this.problem.textContent = problem ?? '';
      this.problem.hidden = problem === undefined;
    };
    try {
      await work(running.signal, settle);
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
    [this.#running, this.#key] = [undefined, undefined];
  }
}
