import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitLines, splitParagraphs, splitSentences, splitUnits } from '../../../src/text/sentences';

const texts = (units: { text: string }[]): string[] => units.map(({ text }) => text);
const flat = (units: { text: string }[]): string[] => texts(units).map((text) => text.replace(/\s+/g, ' '));

describe('splitSentences', () => {
  it('ends sentences at full stops, question and exclamation marks', () => {
    expect(texts(splitSentences('The sea was calm. Was it? It was! “Yes.” He left.'))).toEqual([
      'The sea was calm.',
      'Was it?',
      'It was!',
      '“Yes.”',
      'He left.',
    ]);
  });

  it('goes on over a hard-wrapped line, with any line end', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      expect(flat(splitSentences(`Call me${end}Ishmael. Some years${end}ago.`))).toEqual(['Call me Ishmael.', 'Some years ago.']);
    }
  });

  it('ends at blank lines, headings, list items and table rows, and drops rules and fences', () => {
    const text = '# Loomings\nCall me\n\nthe whale\n- one\n- two\n  wrapped\n***\n| a | b |\n|---|---|\n```js\nlet x\n```\nend';
    expect(flat(splitSentences(text))).toEqual([
      '# Loomings',
      'Call me',
      'the whale',
      '- one',
      '- two wrapped',
      '| a | b |',
      'let x',
      'end',
    ]);
  });

  it('keeps numbered items whole, and does not take a year at the start of a wrapped line for one', () => {
    expect(flat(splitSentences('1. First thing. More.\n2. Second thing.'))).toEqual(['1. First thing.', 'More.', '2. Second thing.']);
    expect(flat(splitSentences('It happened in\n1842. he said so'))).toEqual(['It happened in 1842. he said so']);
  });

  it.each([
    'Mr. Starbuck met Mrs. Hussey and Dr. Bunger.',
    'It was J. R. R. Tolkien who wrote it.',
    'Tools, e.g. Ruff, i.e. Linters, exist.',
    'See No. 5 and Fig. 3 on p. 12 for more.',
    'St. Elmo and Capt. Ahab stood there.',
    'It costs 3.5 dollars at example.com today.',
  ])('does not end within: %s', (sentence) => {
    expect(texts(splitSentences(`${sentence} Next one.`))).toEqual([sentence, 'Next one.']);
  });

  it('ends after a pronoun and after words that only look like abbreviations', () => {
    expect(texts(splitSentences('So do I. They said no. Then he slept. The last.'))).toHaveLength(4);
  });

  it('finds sentences in Chinese', () => {
    expect(texts(splitSentences('大海很平静。他走了。', 'zh'))).toEqual(['大海很平静。', '他走了。']);
  });

  it('finds nothing in nothing', () => {
    for (const text of ['', ' \n\t\r\n ', '---\n']) expect(splitSentences(text)).toEqual([]);
  });

  it('cuts a long line the same whatever stands before it', () => {
    // Longer than the segmenter's window, so that its edges fall inside sentences.
    const sentence = 'The ship sailed on, over the wide and rolling waters of the sea, with Mr. Flask at the helm. ';
    expect(new Set(texts(splitSentences(sentence.repeat(500))))).toEqual(new Set([sentence.trim()]));
    expect(splitSentences(sentence.repeat(500))).toHaveLength(500);
  });

  it('takes time in proportion to the length of a single line', () => {
    const milliseconds = (text: string): number => {
      const start = performance.now();
      splitSentences(text);
      return performance.now() - start;
    };
    for (const unit of ['The sea was calm. ', 'word ', '- ', '1. ', 'x', '\n']) {
      milliseconds(unit.repeat(1000));
      const short = Math.max(5, milliseconds(unit.repeat(20_000)));
      // Sixteen times the text: quadratic time would be 256 times as long.
      expect(milliseconds(unit.repeat(320_000)), JSON.stringify(unit)).toBeLessThan(short * 80);
    }
  });
});

describe('every way of splitting', () => {
  const piece = fc.constantFrom(
    'a',
    'B. ',
    '\n',
    '\r\n',
    '\n\n',
    '# ',
    '- ',
    '1. ',
    'Mr. ',
    '😀',
    'e\u0301',
    '。',
    '\ud800',
    '\u2028',
    '\ufeff',
    '  ',
    '?',
  );
  const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

  it.each(['sentence', 'line', 'paragraph'] as const)('gives trimmed, ordered, exact places by %s', (unit) => {
    fc.assert(
      fc.property(text, (source) => {
        let last = 0;
        for (const { start, end, text: found } of splitUnits(source, unit)) {
          expect(source.slice(start, end)).toBe(found);
          expect(found).toBe(found.trim());
          expect(found).not.toBe('');
          expect(start).toBeGreaterThanOrEqual(last);
          last = end;
        }
      }),
    );
  });

  it('loses no text but rules, which are markup', () => {
    const rule = /^\s*(?:-\s+){2,}-\s*$/m;
    fc.assert(
      fc.property(
        text.filter((source) => !rule.test(source)),
        (source) => {
          for (const split of [splitLines, splitParagraphs, splitSentences]) {
            expect(texts(split(source)).join('').replace(/\s/g, '')).toBe(source.replace(/\s/g, ''));
          }
        },
      ),
    );
  });
});
