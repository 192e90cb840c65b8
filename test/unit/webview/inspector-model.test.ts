import { describe, expect, it } from 'vitest';
import type { Prediction, Token } from '../../../src/shared/types';
import {
  attentionFrom,
  byToken,
  candidateRows,
  describeCheckpoint,
  maskedText,
  modelsKey,
  sidesOf,
} from '../../../webview/inspector/model';

/** Words of a text as tokens, at an offset in a document. */
function tokensOf(text: string, offset = 0): Token[] {
  return [...text.matchAll(/\S+/g)].map(({ 0: token, index }, id) => ({
    start: offset + index,
    end: offset + index + token.length,
    id,
    token,
    special: false,
  }));
}

const prediction = (truth: Prediction['truth'], ...tokens: string[]): Prediction => ({
  start: 4,
  end: 9,
  candidates: tokens.map((token, i) => ({ token, id: i, probability: 0.5 / (i + 1) })),
  truth,
});

describe('the rows of a prediction', () => {
  it('mark the truth among the candidates, by its rank', () => {
    const rows = candidateRows(prediction({ text: 'Whale', pieces: 1, probability: 0.25, rank: 2 }, 'sea', 'whale'));
    expect(rows.map(({ token, truth }) => [token, truth])).toEqual([
      ['sea', false],
      ['whale', true],
    ]);
  });

  it('add a truth that is not among them, and one of several tokens, which is no candidate', () => {
    const far = candidateRows(prediction({ text: 'gull', pieces: 1, probability: 0.01, rank: 40 }, 'sea', 'whale'));
    expect(far.at(-1)).toMatchObject({ token: 'gull', rank: 40, truth: true, share: 0.02 });
    const long = candidateRows(prediction({ text: 'leviathan', pieces: 3, probability: 0.9, rank: 1 }, 'sea'));
    expect(long.map(({ token, truth, share }) => [token, truth, share])).toEqual([
      ['sea', false, 1],
      ['leviathan', true, 1],
    ]);
  });
});

describe('predictions by token', () => {
  it('are found where a model with longer tokens gave them', () => {
    const tokens = tokensOf('the wh ale passed');
    const whole = { ...prediction(undefined, 'sea'), start: 4, end: 10 };
    expect([...byToken(tokens, [1, 2, 3], [whole]).keys()]).toEqual([1, 2]);
  });
});

describe('the text of a command', () => {
  const reading = (text: string, offset = 0) => ({
    part: { start: offset, text, firstLine: 1, lastLine: 1, lineCount: 1 },
    tokens: tokensOf(text, offset),
  });

  it('has a mask for every hidden token', () => {
    expect(maskedText(reading('The whale\n  passed the ship', 100), [3, 1])).toBe('The [MASK] passed [MASK] ship');
  });

  it('is cut between words around the first of them', () => {
    const text = Array.from({ length: 200 }, (_, i) => `word${i}`).join(' ');
    const cut = maskedText(reading(text), [100]);
    expect(cut.length).toBeLessThan(260);
    expect(cut).toMatch(/^word\d+ .* word99 \[MASK\] word101 .* word\d+$/);
  });
});

describe('attention from a token', () => {
  it('is its row in the chosen head, by the numbers of the tokens', () => {
    const weights = Float32Array.from([0.25, 0.5, 0.75, 0.125, 0.5, 0.25, 0.125, 0.75]);
    const attention = { from: 7, to: 9, layers: 1, heads: 2, weights };
    expect([...attentionFrom(attention, 8, 0)]).toEqual([
      [7, 0.75],
      [8, 0.125],
    ]);
    expect([...attentionFrom(attention, 7, 1)]).toEqual([
      [7, 0.5],
      [8, 0.25],
    ]);
    expect(attentionFrom(attention, 9, 0).size).toBe(0);
  });
});

describe('the models on both sides', () => {
  const checkpoints = [
    { step: 20, folder: '/run/20', eval: { 'mlm.masked': 1, mlm: 6.5, unigram: 6 } },
    { step: 1040, folder: '/run/1040' },
  ];
  const run = { model: '/run', name: 'quickstart', checkpoints };

  it('are told apart by their checkpoints', () => {
    const models = { runs: [], first: run, second: { ...run, checkpoint: '/run/20' } };
    expect(sidesOf(models)).toEqual([
      { side: 'first', name: 'quickstart, step 1,040' },
      { side: 'second', name: 'quickstart, step 20' },
    ]);
    expect(sidesOf({ runs: [], first: { model: '/bert', name: 'bert', checkpoints: [] } })).toEqual([{ side: 'first', name: 'bert' }]);
    expect(modelsKey(models)).not.toBe(modelsKey({ ...models, second: run }));
  });

  it('have places on the slider with the held-out loss of each', () => {
    expect(describeCheckpoint(checkpoints, 0)).toBe('step 20, mlm 6.50');
    expect(describeCheckpoint(checkpoints, 1)).toBe('step 1,040, newest');
    expect(describeCheckpoint(checkpoints, 2)).toBe('');
  });
});
