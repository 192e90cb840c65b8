import { formatCount, formatNats, formatProbability } from '../../src/shared/format';
import { tokenText } from '../../src/shared/token-text';
import type { Prediction } from '../../src/shared/types';
import type { Reading, Replaced, Side } from '../../src/shared/webview/inspector';
import { element } from '../common/dom';
import { candidateRows, contextOf, type CandidateView } from './model';

/** What one or two models put in a hidden place. */
export interface Place {
  /** Of the token in the reading. */
  readonly index: number;
  readonly predictions: readonly { readonly side: Side; readonly name: string; readonly prediction: Prediction | undefined }[];
}

/** Puts another text in a place, and tells what it changes. */
export type Try = (index: number, side: Side, text: string) => Promise<Replaced>;

/** A hidden place: its surroundings, the candidates of each model with their probabilities, and a field to try another word. */
export function predictionCard({ index, predictions }: Place, reading: Reading, hidden: ReadonlySet<number>, attempt: Try): HTMLElement {
  const { before, after } = contextOf(reading.tokens, hidden, index);
  const outcome = element('div', { class: 'outcome', attributes: { 'aria-live': 'polite' } });
  const tried = async (text: string): Promise<void> => {
    field.value = text;
    outcome.classList.add('waiting');
    const answers = await Promise.all(
      predictions.map(async ({ side, name }) => {
        try {
          return replacedView(await attempt(index, side, text), text, reading, predictions.length > 1 ? name : undefined);
        } catch (error) {
          return element('p', { class: 'error', text: error instanceof Error ? error.message : String(error) });
        }
      }),
    );
    outcome.classList.remove('waiting');
    outcome.replaceChildren(...answers);
  };
  const field = element('input', {
    attributes: { type: 'text', placeholder: 'Another word', 'aria-label': 'Another word in this place', dir: 'auto' },
  });
  const form = element('form', { class: 'try' }, [
    field,
    element('button', { class: 'button', text: 'Try', attributes: { type: 'submit', title: 'Shows what this word would change' } }),
  ]);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (field.value.trim() !== '') void tried(field.value.trim());
  });
  const known = predictions.map(({ prediction }) => new Set(prediction?.candidates.map(({ token }) => token)));
  return element('article', { class: 'card' }, [
    element('p', { class: 'context', attributes: { dir: 'auto' } }, [
      `${before} `,
      element('span', { class: 'mask', text: '[MASK]' }),
      ` ${after}`,
    ]),
    element(
      'div',
      { class: 'columns' },
      predictions.map(({ name, prediction }, i) =>
        column(
          prediction,
          predictions.length > 1 ? name : undefined,
          predictions.length > 1 ? known[1 - i] : undefined,
          (text) => void tried(text),
        ),
      ),
    ),
    comparison(predictions),
    form,
    outcome,
  ]);
}

function column(
  prediction: Prediction | undefined,
  name: string | undefined,
  others: ReadonlySet<string> | undefined,
  attempt: (text: string) => void,
): HTMLElement {
  if (!prediction) return element('div', {}, [name, element('p', { class: 'muted', text: 'This model has no token there.' })]);
  const { truth } = prediction;
  return element('div', {}, [
    name === undefined ? undefined : element('h3', { text: name }),
    element('table', { attributes: { 'aria-label': `Candidates and their probabilities${name === undefined ? '' : `, ${name}`}` } }, [
      element(
        'tbody',
        {},
        candidateRows(prediction).map((view) => row(view, others !== undefined && !view.truth && !others.has(view.token), attempt)),
      ),
    ]),
    truth && element('p', { class: 'muted', text: verdict(truth) }),
  ]);
}

function row({ token, probability, share, rank, truth }: CandidateView, only: boolean, attempt: (text: string) => void): HTMLElement {
  const bar = element('div', { class: 'bar' });
  bar.style.width = `${(share * 100).toFixed(1)}%`;
  // A piece continues a word, so it can stand in no place of its own.
  const { text: word, piece } = tokenText(token);
  const name = piece
    ? element('span', { text: token })
    : element('button', {
        class: 'candidate',
        text: word,
        attributes: { title: 'Shows what this word would change', 'aria-label': `Try ${word}` },
        on: { click: () => attempt(word) },
      });
  return element('tr', { class: [truth && 'truth', only && 'only'].filter(Boolean).join(' ') }, [
    element('td', { class: 'rank number', text: formatCount(rank) }),
    element('th', { attributes: { scope: 'row', dir: 'auto', ...(only && { title: 'Not among the candidates of the other model' }) } }, [
      name,
    ]),
    element('td', { class: 'bars', attributes: { 'aria-hidden': 'true' } }, [bar]),
    element('td', { class: 'probability number', text: formatProbability(probability) }),
  ]);
}

function verdict({ text, rank, pieces }: NonNullable<Prediction['truth']>): string {
  const choice = rank === 1 ? "the model's first choice" : `the model's choice number ${formatCount(rank)}`;
  return pieces === 1 ? `“${text}” stands there: ${choice}.` : `“${text}” stands there, in ${pieces} tokens: as likely as ${choice}.`;
}

/** Which of two models the truth surprises less, and by how much. */
function comparison(predictions: Place['predictions']): HTMLElement | undefined {
  const [first, second] = predictions;
  const [one, other] = [first?.prediction?.truth, second?.prediction?.truth];
  if (!first || !second || !one || !other) return undefined;
  const gain = Math.log(other.probability) - Math.log(one.probability);
  const text =
    Math.abs(gain) < 0.005
      ? 'Both find it equally likely.'
      : `${gain > 0 ? second.name : first.name} is less surprised, by ${formatNats(Math.abs(gain))} nats.`;
  return element('p', { class: 'difference', text });
}

function replacedView({ predictions, changes }: Replaced, text: string, reading: Reading, name: string | undefined): HTMLElement {
  const truth = predictions[0]?.truth;
  const likely = truth ? `“${text}”: ${formatProbability(truth.probability)}, choice number ${formatCount(truth.rank)}.` : `“${text}”`;
  const named = changes.map(({ start, end, before, after }) =>
    element('li', {}, [
      element('span', {
        class: 'word',
        text: reading.part.text.slice(start - reading.part.start, end - reading.part.start),
        attributes: { dir: 'auto' },
      }),
      element('span', {
        class: `number ${after > before ? 'more' : 'less'}`,
        text: ` ${formatNats(before)} → ${formatNats(after)} nats`,
      }),
    ]),
  );
  return element('div', {}, [
    element('p', {}, [name === undefined ? '' : `${name}: `, likely]),
    named.length > 0
      ? element('ul', { attributes: { 'aria-label': 'Words that it makes more or less surprising' } }, named)
      : element('p', { class: 'muted', text: 'It changes no other word by 0.01 nats or more.' }),
  ]);
}
