import { describe, expect, it } from 'vitest';
import { changesOf, moved } from '../../../src/host/inspector-words';

describe('a span, after another text has taken a place', () => {
  const place = { start: 4, end: 9 };
  it.each([
    ['before it stays', { start: 0, end: 3 }, { start: 0, end: 3 }],
    ['behind it moves', { start: 10, end: 17 }, { start: 8, end: 15 }],
    ['that touches its end moves', { start: 9, end: 10 }, { start: 7, end: 8 }],
    ['of the place itself is the new text', { start: 4, end: 9 }, { start: 4, end: 7 }],
    ['inside it is the new text too', { start: 5, end: 6 }, { start: 4, end: 7 }],
  ])('%s', (_, span, expected) => {
    expect(moved(span, place, 3)).toEqual(expected);
  });
});

describe('what another word changes', () => {
  const was = [
    { start: 0, end: 3, surprisal: 1, pieces: 1 },
    { start: 4, end: 9, surprisal: 5, pieces: 1 },
    { start: 10, end: 17, surprisal: 2, pieces: 1 },
    { start: 18, end: 20, surprisal: 3, pieces: 1 },
  ];
  const is = [
    { start: 0, end: 3, surprisal: 1.001, pieces: 1 },
    { start: 4, end: 7, surprisal: 9, pieces: 1 },
    { start: 8, end: 15, surprisal: 2.5, pieces: 1 },
    { start: 16, end: 18, surprisal: 1, pieces: 1 },
  ];

  it('is told of the words around, the most changed first, where they stand in the text', () => {
    expect(changesOf(was, is, { start: 4, end: 9 }, 3)).toEqual([
      { start: 18, end: 20, before: 3, after: 1 },
      { start: 10, end: 17, before: 2, after: 2.5 },
    ]);
  });

  it('leaves out words that are others now', () => {
    expect(changesOf(was, is.slice(0, 2), { start: 4, end: 9 }, 3)).toEqual([]);
  });
});
