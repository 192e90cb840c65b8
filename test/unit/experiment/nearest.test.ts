import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/experiment/nearest';

describe('nearest', () => {
  it.each([
    ['stpes', 'steps'],
    ['STEPS', 'steps'],
    ['step', 'steps'],
    ['learning_rate', 'learningRate'],
    ['chekpointEvery', 'checkpointEvery'],
  ])('takes %s for %s', (word, meant) => {
    expect(nearest(word, ['seed', 'steps', 'learningRate', 'checkpointEvery'])).toBe(meant);
  });

  it('does not guess when nothing is near', () => {
    expect(nearest('optimizer', ['seed', 'steps', 'learningRate'])).toBeUndefined();
    expect(nearest('', ['seed'])).toBeUndefined();
    expect(nearest('seed', [])).toBeUndefined();
  });

  it('prefers the nearer of two', () => {
    expect(nearest('beta3', ['betas2', 'beta2'])).toBe('beta2');
  });
});
