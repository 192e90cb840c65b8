import { formatCount, formatProbability } from '../../src/shared/format';
import type { Prediction } from '../../src/shared/types';
import type { Reading } from '../../src/shared/webview-protocol';
import { element } from '../common/dom';
import { candidateRows, contextOf, type CandidateView } from './model';

/** What the model puts in each hidden place: one card a place, the likeliest candidates first. */
export function predictionCards(predictions: readonly Prediction[], reading: Reading): HTMLElement[] {
  const hidden = new Set(predictions.map(({ index }) => index));
  return predictions.map((prediction) => {
    const { before, after } = contextOf(reading.tokens, hidden, prediction.index);
    const { truth } = prediction;
    return element('article', { class: 'card' }, [
      element('p', { class: 'context', attributes: { dir: 'auto' } }, [
        `${before} `,
        element('span', { class: 'mask', text: '[MASK]' }),
        ` ${after}`,
      ]),
      element('table', { attributes: { 'aria-label': 'Candidates and their probabilities' } }, [
        element('tbody', {}, candidateRows(prediction).map(row)),
      ]),
      truth && element('p', { class: 'muted', text: verdict(truth.token, truth.rank) }),
    ]);
  });
}

function row({ token, probability, share, rank, truth }: CandidateView): HTMLElement {
  const bar = element('div', { class: 'bar' });
  bar.style.width = `${(share * 100).toFixed(1)}%`;
  return element('tr', { class: truth ? 'truth' : '' }, [
    element('td', { class: 'rank number', text: formatCount(rank) }),
    element('th', { text: token, attributes: { scope: 'row', dir: 'auto' } }),
    element('td', { class: 'bars', attributes: { 'aria-hidden': 'true' } }, [bar]),
    element('td', { class: 'probability number', text: formatProbability(probability) }),
  ]);
}

function verdict(token: string, rank: number): string {
  return rank === 1
    ? `“${token}” stands there: the model's first choice.`
    : `“${token}” stands there: the model's choice number ${formatCount(rank)}.`;
}
