import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_PASSAGE, paragraphAt, passagesAfter, passagesOf, withWordAt } from '../../../src/host/editor/passages';

const texts = (text: string): string[] => passagesOf(text).map((passage) => passage.text);

describe('The passages of a document', () => {
  it('are its paragraphs, without the white space around them', () => {
    expect(passagesOf('  Call me\nIshmael.\n \t\n\n\nSome years ago \n')).toEqual([
      { start: 2, end: 18, text: 'Call me\nIshmael.' },
      { start: 24, end: 38, text: 'Some years ago' },
    ]);
  });

  it('know the line ends of Windows, and none at the end', () => {
    expect(texts('one\r\ntwo\r\n\r\nthree')).toEqual(['one\r\ntwo', 'three']);
    expect(texts('')).toEqual([]);
    expect(texts('\n \r\n\u00a0')).toEqual([]);
  });

  it('of a long paragraph end with sentences', () => {
    const sentence = 'The sea was calm, and he said “no more.” ';
    const found = texts(sentence.repeat(200));
    expect(found.length).toBeGreaterThan(3);
    for (const text of found) expect(text).toMatch(/^The sea.*more\.”$/s);
    for (const text of texts('海は静かだった。'.repeat(1_000))) expect(text.endsWith('。')).toBe(true);
  });

  it('are cut between words where there is no sentence, and outside of surrogate pairs where there is no word', () => {
    for (const text of texts('whale '.repeat(1_000))) expect(text).toMatch(/^(whale ?)+(?<! )$/);
    const whales = texts(`x${'🐋'.repeat(3_000)}`);
    for (const text of whales) expect(text.isWellFormed()).toBe(true);
    expect(whales.join('')).toBe(`x${'🐋'.repeat(3_000)}`);
  });

  const part = fc.constantFrom('\n', '\r\n', ' ', '\u2028', 'a', 'مرحبا', '🏴‍☠️', 'é', '. ', '。', 'word '.repeat(300), 'x'.repeat(1_500));
  const any = fc.oneof(
    fc.array(part, { maxLength: 40 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  );

  it('hold everything but white space exactly once, where it stands, whatever the text', () => {
    fc.assert(
      fc.property(any, (text) => {
        const passages = passagesOf(text);
        let end = 0;
        for (const passage of passages) {
          expect(text.slice(end, passage.start).trim()).toBe('');
          expect(passage.text).toBe(text.slice(passage.start, passage.end));
          expect(passage.text.trim()).toBe(passage.text);
          expect(passage.text.length).toBeGreaterThan(0);
          expect(passage.text.length).toBeLessThanOrEqual(LONGEST_PASSAGE);
          end = passage.end;
        }
        expect(text.slice(end).trim()).toBe('');
      }),
    );
  });

  it('after a change are those of the text as it is then, whatever the change', () => {
    const few = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(any, few, fc.nat(), fc.nat({ max: 20 }), (text, inserted, at, most) => {
        const offset = at % (text.length + 1);
        const removed = Math.min(most, text.length - offset);
        const now = text.slice(0, offset) + inserted + text.slice(offset + removed);
        const change = { offset, removed, inserted: inserted.length };
        const read = (start: number, end: number): string => now.slice(start, end);
        expect(passagesAfter(passagesOf(text), change, now.length, read)).toEqual(passagesOf(now));
      }),
      { numRuns: 1_000 },
    );
  });

  it('after a change are read around it alone', () => {
    const paragraphs = Array.from({ length: 1_000 }, (_, i) => `Paragraph ${i}. ${'It goes on. '.repeat(20)}`);
    const text = paragraphs.join('\n\n');
    const offset = text.indexOf('500.');
    const now = `${text.slice(0, offset)}x${text.slice(offset)}`;
    let most = 0;
    const read = (start: number, end: number): string => {
      most += end - start;
      return now.slice(start, end);
    };
    expect(passagesAfter(passagesOf(text), { offset, removed: 0, inserted: 1 }, now.length, read)).toEqual(passagesOf(now));
    expect(most).toBeLessThan(1_000);
  });

  it('stay what they were when another one is edited', () => {
    const paragraphs = Array.from({ length: 50 }, (_, i) => `Paragraph ${i}. ${'It goes on. '.repeat(i)}`);
    const before = texts(paragraphs.join('\n\n'));
    const after = texts(paragraphs.with(3, 'Another text.').join('\n\n'));
    expect(after.filter((text) => !before.includes(text))).toEqual(['Another text.']);
  });

  it('of a book are found in milliseconds', () => {
    const text = `${'A line of some words, and more of them.\n'.repeat(8)}\n`.repeat(2_000);
    passagesOf(text);
    const began = performance.now();
    expect(passagesOf(text)).toHaveLength(2_000);
    // About 4 ms; a scan that is quadratic in the text would take minutes.
    expect(performance.now() - began).toBeLessThan(500);
  });
});

describe('A word that is begun', () => {
  const text = 'Call me.\n\nSome  years ago ';
  const begun = (offset: number) => withWordAt(passagesOf(text), offset);

  it('stands between words, or behind the last', () => {
    expect(begun(text.indexOf('years') - 1)).toEqual({ text: 'Some a years ago', at: 6 });
    expect(begun(text.length)).toEqual({ text: 'Some  years ago a', at: 17 });
  });

  it('is none where letters would belong to another word, or to no passage', () => {
    for (const offset of [0, 3, 8, 10, 12, text.indexOf('years'), text.length - 1, text.length + 5]) expect(begun(offset)).toBeUndefined();
    expect(withWordAt([], 0)).toBeUndefined();
  });
});

describe('The paragraph at an offset', () => {
  const at = (text: string, offset: number): string | undefined => {
    const found = paragraphAt(text, offset, 100);
    return found && text.slice(found.start, found.end);
  };

  it('is that which holds it, otherwise the next one, otherwise the last', () => {
    const text = 'a\nb\r\n \t\r\nc\n\n';
    expect(Array.from({ length: text.length + 1 }, (_, offset) => at(text, offset))).toEqual([
      ...Array.from({ length: 4 }, () => 'a\nb'),
      ...Array.from({ length: 9 }, () => 'c'),
    ]);
  });

  it('is none where there is only white space', () => {
    expect([at('', 0), at(' \n\n ', 2)]).toEqual([undefined, undefined]);
  });

  it('is looked for near the offset alone', () => {
    const found = paragraphAt('word '.repeat(100_000), 300_000, 1_000)!;
    expect(found.end - found.start).toBeLessThanOrEqual(1_000);
    expect(found.start).toBeLessThan(300_000);
    expect(found.end).toBeGreaterThan(300_000);
  });
});
