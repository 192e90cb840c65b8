import * as z from 'zod/mini';
import { Task, type Advice, type DataShape } from '../../src/shared/comparison-types';
import { measurement } from '../../src/shared/comparison-words';
import { advisorHost } from '../../src/shared/webview/advisor';
import { Choice } from '../common/choice';
import { element } from '../common/dom';
import { connect, Memory } from '../common/link';
import '../common/base.css';
import './advisor.css';

const TASKS: Readonly<Record<Task, string>> = {
  classification: 'a label for a text (sentiment, topic)',
  pair: 'a label for two texts (entailment, paraphrase)',
  similarity: 'how alike two texts are',
  retrieval: 'finding the text that answers a question',
  generation: 'writing a text from a text',
  acceptability: 'telling good sentences from bad ones',
};
const QUESTIONS: Readonly<Record<keyof DataShape, string>> = {
  documents: 'Documents of several sentences in their order',
  pairs: 'A file of texts that belong together',
  short: 'Most texts are a sentence or less',
};
const ANSWERS = new Map([
  ['', 'not known'],
  ['yes', 'yes'],
  ['no', 'no'],
]);

const Chosen = z.object({ task: Task, documents: z.string(), pairs: z.string(), short: z.string() });
const memory = new Memory(Chosen, { task: 'classification', documents: '', pairs: '', short: '' });
const host = connect(advisorHost);
const tell = (answer: Promise<unknown>): void => void answer.catch((error: unknown) => console.warn(error));

const task = new Choice('What the model is for', (value) => choose({ task: Task.parse(value) }));
const shape = Object.entries(QUESTIONS).map(([key, text]) => {
  const choice = new Choice(text, (value) => choose({ [key]: value }));
  choice.offer(ANSWERS, memory.value[key as keyof DataShape]);
  return choice;
});
task.offer(new Map(Object.entries(TASKS)), memory.value.task);
const list = element('ol', { class: 'advice', attributes: { 'aria-live': 'polite' } });
document.getElementById('root')?.append(
  element('div', { class: 'page' }, [
    element('h1', { text: 'Objective Advisor' }),
    element('div', { class: 'choices' }, [task.root, ...shape.map(({ root }) => root)]),
    list,
    element('p', {
      class: 'muted',
      text: 'This is what papers found, most of them with larger models and more text. A comparison measures what holds for yours.',
    }),
    element('div', {}, [
      element('button', { class: 'button', text: 'Compare Objectives', on: { click: () => tell(host.request('compare', {})) } }),
    ]),
  ]),
);

function choose(change: Partial<z.infer<typeof Chosen>>): void {
  memory.update(change);
  tell(show());
}

async function show(): Promise<void> {
  const { task: chosen, documents, pairs, short } = memory.value;
  const known = (answer: string): boolean | undefined => (answer === '' ? undefined : answer === 'yes');
  const data = { documents: known(documents), pairs: known(pairs), short: known(short) };
  const asked = JSON.stringify(memory.value);
  const advice = await host.request('advise', { task: chosen, data });
  if (asked === JSON.stringify(memory.value)) list.replaceChildren(...advice.map(item));
}

function item({ title, objectives, reason, caution, papers, admissible, why, measured = [] }: Advice): HTMLElement {
  return element('li', { class: admissible ? '' : 'muted' }, [
    element('h2', { text: title }),
    element('p', { class: 'muted', text: objectives.join(' + ') }),
    why === undefined ? undefined : element('p', { text: `Not with this data. ${why}` }),
    element('p', { text: reason }),
    caution === undefined ? undefined : element('p', { text: `But: ${caution}` }),
    ...measured.map((each) => element('p', { class: 'measured', text: `Measured in ${each.comparison}: ${measurement(each)}` })),
    ...papers.map((paper) => element('p', { class: 'paper muted', text: paper })),
    element('button', {
      class: 'button',
      text: 'New Experiment',
      attributes: { 'aria-label': `New experiment: ${title}` },
      on: { click: () => tell(host.request('newExperiment', { objectives })) },
    }),
  ]);
}

tell(show());
