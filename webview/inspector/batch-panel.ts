import { batchCommand } from '../../src/shared/command-line';
import { formatCount, formatNats, formatProbability } from '../../src/shared/format';
import type { BatchExample, BatchText, BatchToken, TrainingBatch } from '../../src/shared/types';
import type { Models } from '../../src/shared/webview/inspector';
import { CommandLine } from '../common/command-line';
import { element } from '../common/dom';
import { modelsKey } from './model';
import type { Panel } from './panel';

/** What was done to a token, as the legend says it. */
const MARKS: Readonly<Record<NonNullable<BatchToken['mark']>, string>> = {
  masked: 'hidden',
  random: 'a random token in its place',
  replaced: "the generator's token in its place",
  kept: 'left as it is, but asked for',
  sentinel: 'stands for a span',
  target: 'to be predicted',
};

/** A loss at which a token is tinted in full, in nats. */
const FULL_TINT = 8;

export interface BatchEvents {
  readonly batch: (query: { step?: number; objective?: string }) => Promise<TrainingBatch>;
  /** How a command names the model; undefined while there is none. */
  readonly model: () => string | undefined;
  readonly copy: (text: string) => Promise<unknown>;
  readonly explain: (error: unknown) => string | undefined;
}

/** The section *Training batch*: what an objective trains on in a step, exactly as the step sees it, and what the checkpoint makes of it. */
export class BatchPanel implements Panel {
  readonly root: HTMLElement;
  readonly #objective = element('select', { attributes: { 'aria-label': 'Objective' } });
  readonly #step = element('input', { attributes: { type: 'number', min: '0', 'aria-label': 'Step' } });
  readonly #line = element('p', { class: 'muted' });
  readonly #legend = element('p', { class: 'legend muted' });
  readonly #examples = element('div', { class: 'examples' });
  readonly #problem = element('p', { class: 'error', attributes: { role: 'alert', hidden: '' } });
  readonly #command: CommandLine;
  #model: string | undefined;
  #run: string | undefined;
  #asked: string | undefined;
  #visible = false;

  constructor(private readonly events: BatchEvents) {
    this.#command = new CommandLine(events.copy);
    const turn = (by: number, label: string, text: string): HTMLElement =>
      element('button', { class: 'button', text, attributes: { 'aria-label': label, title: label }, on: { click: () => this.#turn(by) } });
    for (const control of [this.#objective, this.#step]) control.addEventListener('change', () => this.#load(this.#chosen()));
    this.root = element('div', { class: 'batch-panel' }, [
      element('div', { class: 'toolbar' }, [
        element('div', { class: 'buttons' }, [
          this.#objective,
          element('span', { class: 'step' }, ['Step ', turn(-1, 'The step before', '‹'), this.#step, turn(1, 'The next step', '›')]),
        ]),
      ]),
      this.#problem,
      this.#line,
      this.#legend,
      this.#examples,
      this.#command.root,
    ]);
  }

  /** Takes up another model; its batch is asked for as soon as the section is seen. */
  compare({ first }: Models): void {
    const model = first && modelsKey({ runs: [], first });
    if (model === this.#model) return;
    this.#model = model;
    this.#asked = undefined;
    // Another run may have other objectives.
    if (first?.model !== this.#run) this.#objective.replaceChildren();
    this.#run = first?.model;
    this.#look();
  }

  setVisible(visible: boolean): void {
    if (visible === this.#visible) return;
    this.#visible = visible;
    this.#look();
  }

  /** Asks for the batch after the checkpoint, unless one is shown already. */
  #look(): void {
    if (this.#visible && this.#asked === undefined && this.#model !== undefined)
      this.#load({ ...(this.#objective.value && { objective: this.#objective.value }) });
  }

  #chosen(): { step?: number; objective?: string } {
    const step = this.#step.valueAsNumber;
    return { ...(Number.isSafeInteger(step) && step >= 0 && { step }), ...(this.#objective.value && { objective: this.#objective.value }) };
  }

  #turn(by: number): void {
    const { step = 0, ...rest } = this.#chosen();
    this.#load({ ...rest, step: Math.max(0, step + by) });
  }

  #load(query: { step?: number; objective?: string }): void {
    const key = JSON.stringify([this.#model, query]);
    this.#asked = key;
    this.#examples.classList.add('waiting');
    this.events.batch(query).then(
      (batch) => this.#asked === key && this.#draw(batch),
      (error: unknown) => this.#asked === key && this.#fail(error),
    );
  }

  #draw({ objective, objectives, title, step, model, loss, size, examples }: TrainingBatch): void {
    this.#problem.hidden = true;
    this.#objective.replaceChildren(...objectives.map((name) => element('option', { text: name, attributes: { value: name } })));
    this.#objective.value = objective;
    this.#step.value = String(step);
    const counted =
      examples.length < size ? `the first ${examples.length} of ${formatCount(size)} examples` : `${formatCount(size)} examples`;
    this.#line.textContent = `${title}, ${counted}, read by the checkpoint of step ${formatCount(model)}: loss ${formatNats(loss)} nats.`;
    const marks = new Set(examples.flatMap(({ texts }) => texts.flatMap(({ tokens }) => tokens.flatMap(({ mark }) => mark ?? []))));
    this.#legend.replaceChildren(
      ...[...marks].map((mark) =>
        element('span', { class: 'key' }, [
          element('span', { class: 'piece', text: 'token', attributes: { 'data-mark': mark } }),
          MARKS[mark],
        ]),
      ),
    );
    this.#examples.classList.remove('waiting');
    this.#examples.replaceChildren(...examples.map(exampleView));
    const name = this.events.model();
    this.#command.show(name === undefined ? undefined : batchCommand(name, step, objective));
  }

  #fail(error: unknown): void {
    const text = this.events.explain(error);
    this.#asked = undefined;
    this.#examples.classList.remove('waiting');
    if (text === undefined) return;
    this.#problem.textContent = text;
    this.#problem.hidden = false;
  }
}

function exampleView({ texts, answer, negatives, score, loss }: BatchExample, index: number): HTMLElement {
  const facts = [
    loss !== undefined && `loss ${formatNats(loss)}`,
    negatives !== undefined && `${formatCount(negatives)} negatives, the most similar ones shown`,
    score !== undefined && `score ${score}`,
  ].filter(Boolean);
  return element('article', { class: 'card' }, [
    element('h3', {}, [
      `Example ${index + 1}`,
      element('span', { class: 'muted number', text: facts.length > 0 ? ` · ${facts.join(' · ')}` : '' }),
    ]),
    ...texts.map(textView),
    answer &&
      element('p', { class: answer.right === answer.given ? 'right' : 'wrong' }, [
        `The second ${answer.right}. The model: it ${answer.given}, ${formatProbability(answer.probability)} ${answer.right === answer.given ? '✓' : '✗'}`,
      ]),
  ]);
}

function textView({ role, tokens, similarity }: BatchText): HTMLElement {
  return element('div', { class: 'example-text' }, [
    element('p', { class: 'role muted' }, [
      role,
      ...(similarity === undefined
        ? []
        : [element('span', { class: 'number', text: ` ${similarity.toFixed(3)}` }), similarityBar(similarity)]),
    ]),
    element(
      'p',
      { class: 'pieces', attributes: { dir: 'auto' } },
      tokens.flatMap((token) => [pieceView(token), ' ']),
    ),
  ]);
}

function similarityBar(similarity: number): HTMLElement {
  const bar = element('span', { class: 'bar', attributes: { 'aria-hidden': 'true' } });
  bar.style.width = `${(Math.max(0, similarity) * 60).toFixed(1)}px`;
  return bar;
}

function pieceView({ token, mark, truth, loss, probability }: BatchToken): HTMLElement {
  const facts = [
    truth !== undefined && `stood here: ${truth}`,
    mark && MARKS[mark],
    loss !== undefined && `loss ${formatNats(loss)} nats`,
    probability !== undefined && `probability of the right answer ${formatProbability(probability)}`,
  ].filter(Boolean);
  const piece = element('span', {
    class: 'piece',
    attributes: { ...(mark && { 'data-mark': mark }), ...(facts.length > 0 && { title: facts.join('; ') }) },
  });
  piece.append(token);
  if (loss !== undefined) piece.style.setProperty('--weight', String(Math.min(1, loss / FULL_TINT)));
  if (truth !== undefined && truth !== token)
    piece.append(element('span', { class: 'stood', text: truth, attributes: { 'aria-label': `for ${truth}` } }));
  return piece;
}
