import { describe, expect, it, vi } from 'vitest';
import { passagesOf } from '../../../src/host/editor/passages';
import { Scores } from '../../../src/host/editor/scores';
import { Scoring, summary, type Situation } from '../../../src/host/editor/scoring';

/** A scoring whose requests wait to be answered, and what it asked for in order: `~` is an estimate, `~2@` one of what is around an offset, `!` a cancelled request. */
function start(scores = new Scores()) {
  const asked: string[] = [];
  const open: { text: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  const failures: unknown[] = [];
  const scoring = new Scoring(
    scores,
    (_model, text, { quick, at }, signal) =>
      new Promise((resolve, reject) => {
        asked.push(`${quick ? '~' : ''}${at === undefined ? '' : `${at}@`}${text}`);
        open.push({ text, resolve: () => resolve([{ start: 0, end: text.length, surprisal: 2, pieces: 2 }]), reject });
        signal.addEventListener('abort', () => {
          asked.push(`!${text}`);
          reject(new Error('cancelled'));
        });
      }),
    () => undefined,
    (error) => failures.push(error),
  );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    scoring,
    asked,
    failures,
    /** Answers the request that is open, as often as one is. */
    answer: async (times = Infinity): Promise<void> => {
      for (let i = 0; i < times && open.length > 0; i++) {
        open.shift()?.resolve();
        await settle();
      }
    },
    fail: async (error: Error): Promise<void> => {
      open.shift()?.reject(error);
      await settle();
    },
  };
}

const text = ['a', 'b', 'c', 'd', 'e', 'f'].join('\n\n');
const passages = passagesOf(text);
/** Passages `from` to `to` as a span of the document. */
const span = (from: number, to: number) => ({ start: passages[from]?.start ?? 0, end: passages[to]?.end ?? 0 });
const looking = (change: Partial<Situation> = {}): Situation => ({
  model: '/run',
  version: '/run@1',
  passages,
  visible: [span(1, 2)],
  near: [span(0, 3)],
  settled: true,
  ...change,
});

describe('Scoring', () => {
  it('estimates what can be seen, then what is near, scores exactly what can be seen, and estimates the rest', async () => {
    const { scoring, asked, answer } = start();
    scoring.update(looking());
    await answer();
    expect(asked).toEqual(['~b', '~c', '~a', '~d', 'b', 'c', '~e', '~f']);
  });

  it('asks for nothing but what can be seen while somebody types', async () => {
    const { scoring, asked, answer } = start();
    scoring.update(looking({ settled: false }));
    await answer();
    expect(asked).toEqual(['~b', '~c']);
    scoring.update(looking());
    await answer(1);
    expect(asked).toEqual(['~b', '~c', '~a', '~d']);
    scoring.update(looking({ settled: false }));
    expect(asked.at(-1)).toBe('!d');
  });

  it('asks after an edit for the passages whose text has changed', async () => {
    const { scoring, asked, answer } = start();
    scoring.update(looking());
    await answer();
    asked.length = 0;
    scoring.update(looking({ passages: passagesOf(text.replace('b', 'new')), visible: [{ start: 3, end: 9 }] }));
    await answer();
    expect(asked).toEqual(['~new', 'new']);
  });

  it('asks first for the word at an edit, then for all of the passage', async () => {
    const { scoring, asked, answer } = start();
    scoring.update(looking());
    await answer();
    asked.length = 0;
    const edited = { passages: passagesOf(text.replace('b', 'new')), visible: [{ start: 3, end: 9 }], editEnd: 5 };
    scoring.update(looking({ ...edited, settled: false }));
    await answer();
    expect(asked).toEqual(['~2@new']);
    await vi.waitFor(() => expect(asked).toEqual(['~2@new', '~new']));
    await answer();
    scoring.update(looking(edited));
    await answer();
    expect(asked).toEqual(['~2@new', '~new', 'new']);
  });

  it('looks ahead at the word that may be begun where the last one ended, once, and gives way to what is there', async () => {
    const { scoring, asked, answer } = start();
    scoring.update(looking());
    await answer();
    asked.length = 0;
    const edited = { passages: passagesOf(text.replace('b', 'b  new')), visible: [{ start: 3, end: 9 }], editEnd: 5, settled: false };
    scoring.update(looking(edited));
    await answer();
    await vi.waitFor(() => expect(asked).toEqual(['~2@b  new', '~b  new']));
    await answer(1);
    expect(asked.at(-1)).toBe('~3@b a new');
    scoring.update(looking(edited));
    expect(asked.at(-1)).toBe('~3@b a new');
    scoring.update(looking({ ...edited, passages: passagesOf(text.replace('b', 'b x new')), editEnd: 6 }));
    expect(asked.slice(-2)).toEqual(['!b a new', '~3@b x new']);
  });

  it('drops what it does for what comes into view, and takes it up again', async () => {
    const { scoring, asked, answer } = start();
    scoring.update(looking());
    await answer(6);
    expect(asked.at(-1)).toBe('~e');
    scoring.update(looking({ visible: [span(5, 5)], near: [span(5, 5)] }));
    expect(asked.slice(-2)).toEqual(['!e', '~f']);
    await answer();
    expect(asked.slice(-2)).toEqual(['f', '~e']);
  });

  it('goes on with a request that is still wanted', async () => {
    const { scoring, asked, answer } = start();
    scoring.update(looking());
    scoring.update(looking({ passages: passagesOf(`${text}\n\ng`) }));
    expect(asked).toEqual(['~b']);
    await answer(1);
    expect(asked).toEqual(['~b', '~c']);
  });

  it('cancels the request whose text is gone', () => {
    const { scoring, asked } = start();
    scoring.update(looking());
    scoring.update(looking({ passages: passagesOf(text.replace('b', 'new')) }));
    expect(asked).toEqual(['~b', '!b', '~new']);
  });

  it('begins anew with another model, and knows the former one when it comes back', async () => {
    const { scoring, asked, answer } = start();
    scoring.update(looking());
    await answer();
    asked.length = 0;
    scoring.update(looking({ version: '/run@2' }));
    await answer(1);
    expect(asked).toEqual(['~b', '~c']);
    scoring.update(looking());
    expect(asked).toEqual(['~b', '~c', '!c']);
  });

  it('ends with its document', () => {
    const { scoring, asked } = start();
    scoring.update(looking());
    scoring.dispose();
    expect(asked).toEqual(['~b', '!b']);
  });

  it('stops at a failure until something changes', async () => {
    const { scoring, asked, failures, answer, fail } = start();
    scoring.update(looking());
    await fail(new Error('The process ended.'));
    expect(failures).toEqual([new Error('The process ended.')]);
    expect(asked).toEqual(['~b']);
    scoring.update(looking());
    await answer();
    expect(asked.slice(0, 3)).toEqual(['~b', '~b', '~c']);
  });

  it('comes to an end with a text that is longer than what is kept', async () => {
    const { scoring, asked, answer } = start(new Scores(2));
    scoring.update(looking({ visible: [], near: [] }));
    await answer();
    expect(asked).toEqual(['~a', '~b', '~c', '~d', '~e', '~f']);
  });
});

describe('The summary of a document', () => {
  it('is exp of the surprisal of a token, over what is scored so far', () => {
    const scores = new Scores();
    scores.set('v', 'a', [{ start: 0, end: 1, surprisal: 1, pieces: 1 }], 'estimate');
    scores.set('v', 'b', [{ start: 0, end: 1, surprisal: 5, pieces: 2 }], 'exact');
    scores.set('v', 'c', [{ start: 0, end: 1, surprisal: 9, pieces: 1 }], 'part');
    const { done, perplexity } = summary(passages, (passage) => scores.get('v', passage));
    expect(done).toBeCloseTo(2 / 6);
    expect(perplexity).toBeCloseTo(Math.exp(2));
  });

  it('of a document without text is complete', () => {
    expect(summary([], () => undefined)).toEqual({ done: 1 });
  });
});
