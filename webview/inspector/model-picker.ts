import type { RunSummary } from '../../src/shared/types';
import type { ModelChoice, Side } from '../../src/shared/webview/inspector';
import { Choice } from '../common/choice';
import { element } from '../common/dom';
import { describeCheckpoint, describeRun } from './model';

/** Entries of the second side's list that are no runs. */
const NONE = '';
const BROWSE = 'browse';

export interface PickerEvents {
  /** `checkpoint` is a folder; absent: the newest. `model` absent: nothing is compared. */
  readonly choose: (side: Side, model: string | undefined, checkpoint?: string) => void;
  readonly browse: () => void;
}

/** What reads the file on one side: a list of runs, and a slider over the checkpoints of the chosen one, the newest at its right end. */
export class ModelPicker {
  readonly root: HTMLElement;
  readonly #list: Choice;
  readonly #slider = element('input', { attributes: { type: 'range', min: '0', step: '1' } });
  readonly #at = element('span', { class: 'number muted' });
  readonly #travel: HTMLElement;
  #choice: ModelChoice | undefined;
  #runs: readonly RunSummary[] = [];

  constructor(
    private readonly side: Side,
    private readonly events: PickerEvents,
  ) {
    const whose = side === 'first' ? 'whose model reads the file' : 'whose model reads the file beside it, for comparison';
    this.#list = new Choice(side === 'first' ? 'Run' : 'Beside', (value) => this.#pick(value), `Run ${whose}`);
    this.#slider.setAttribute('aria-label', `Checkpoint of the run ${whose}`);
    this.#travel = element('label', { class: 'travel' }, [this.#slider, this.#at]);
    this.root = element('div', { class: 'picker' }, [this.#list.root, this.#travel]);
    this.#slider.addEventListener('input', () => this.#move(Number(this.#slider.value)));
  }

  show(runs: readonly RunSummary[], choice: ModelChoice | undefined): void {
    this.#runs = runs;
    this.#choice = choice;
    this.#showSlider();
    this.#showList();
  }

  #showList(): void {
    const { model, name } = this.#choice ?? {};
    const options = new Map(this.#runs.map((run) => [run.folder, describeRun(run)]));
    if (this.side === 'first') return this.#list.offer(options, model ?? NONE);
    if (model !== undefined && name !== undefined && !options.has(model)) options.set(model, name);
    this.#list.offer(new Map([[NONE, 'No comparison'], ...options, [BROWSE, 'A model folder…']]), model ?? NONE);
  }

  #pick(value: string): void {
    if (value === BROWSE) {
      this.#showList();
      this.events.browse();
    } else this.events.choose(this.side, value === NONE ? undefined : value);
  }

  #showSlider(): void {
    const checkpoints = this.#choice?.checkpoints ?? [];
    this.#travel.hidden = checkpoints.length < 2;
    const chosen = checkpoints.findIndex(({ folder }) => folder === this.#choice?.checkpoint);
    this.#slider.max = String(checkpoints.length - 1);
    this.#slider.value = String(chosen < 0 ? checkpoints.length - 1 : chosen);
    this.#describe(Number(this.#slider.value));
  }

  #move(index: number): void {
    const { model, checkpoints } = this.#choice ?? {};
    this.#describe(index);
    // The right end follows the run.
    const checkpoint = index === Number(this.#slider.max) ? undefined : checkpoints?.[index]?.folder;
    this.events.choose(this.side, model, checkpoint);
  }

  #describe(index: number): void {
    const checkpoints = this.#choice?.checkpoints ?? [];
    const text = describeCheckpoint(checkpoints, index);
    this.#at.textContent = text;
    this.#slider.setAttribute('aria-valuetext', text);
  }
}
