import { describe, expect, it } from 'vitest';
import { bar } from '../../../src/host/editor/bars';
import { hoverText } from '../../../src/host/editor/hover-text';
import { legend, statusLine } from '../../../src/host/editor/legend';
import { escapeMarkdown } from '../../../src/host/editor/markdown';
import { begunMask, maskAt } from '../../../src/host/editor/mask-text';
import { findAgain, lensTitle, nearestOf } from '../../../src/host/editor/nearest-text';
import { tokenLabel, tokenText } from '../../../src/shared/token-text';

const hover = (word: string, tokens: readonly string[], pieces = 1): string =>
  hoverText({
    word,
    surprisal: Math.log(200),
    pieces,
    prediction: {
      start: 4,
      end: 4 + word.length,
      candidates: tokens.map((token, id) => ({ token, id, probability: 0.5 / 2 ** id })),
      truth: { text: word, pieces, probability: 1 / 200, rank: 1_234 },
    },
    reader: 'quick_start, step 300',
    replace: (text) => ({ uri: 'file:///a.md', start: 4, end: 4 + word.length, expected: word, text }),
  });

/** The arguments of the commands that a Markdown text links to. */
const commands = (markdown: string): unknown[] =>
  [...markdown.matchAll(/\]\(command:([\w.]+)\?([^\s)]*) "/g)].map(([, name, query = '']) => [
    name,
    JSON.parse(decodeURIComponent(query)) as unknown,
  ]);

describe('The hover', () => {
  it('tells the surprisal, the probability and the rank of the word, and each prediction with its own', () => {
    const text = hover('whale', ['sea', 'ship']);
    expect(text).toContain('**whale**: surprising. Surprisal 5.30 nats, probability 0.50 %, rank 1,234.');
    expect(text).toContain('| sea | 50.0 % | ██████████ | [Use this]');
    expect(text).toContain('| ship | 25.0 % | █████ | [Use this]');
    expect(text).toContain('_quick\\_start\\, step 300_');
  });

  it('links every prediction to its replacement, but not the word that stands there', () => {
    expect(commands(hover('whale', ['Ġsea', '##ing', 'whale']))).toEqual([
      ['objectiveLab.replaceText', [{ uri: 'file:///a.md', start: 4, end: 9, expected: 'whale', text: 'sea' }]],
      ['objectiveLab.replaceText', [{ uri: 'file:///a.md', start: 4, end: 9, expected: 'whale', text: 'ing' }]],
    ]);
  });

  it('says that a word of several tokens is scored as a whole', () => {
    expect(hover('whaling', ['sea'], 3)).toContain('scored as a whole, of 3 tokens');
  });

  it('shows tokens as they are, whatever they would mean to Markdown', () => {
    const hostile = [
      '](command:workbench.action.terminal.new)',
      '|',
      '\\|',
      '`',
      '<img src=x onerror=alert(1)>',
      '![x](https://example.org/x.png)',
      '$(alert)',
      '&lt;',
      '**',
      '"',
      "')",
      '\n\n# x',
    ];
    const text = hover('[x](command:a)', hostile);
    const rows = text
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .slice(2);
    expect(rows).toHaveLength(hostile.length);
    // Cells are parted by four bars that are not escaped, and the ends of the row.
    for (const row of rows) expect(row.replace(/\\[\s\S]/g, '').match(/\|/g)).toHaveLength(5);
    const bare = text.replace(/\\[\s\S]/g, '');
    expect(bare).not.toMatch(/<|!\[|\$\(|`|&lt/);
    expect(commands(text).map((command) => (command as [string])[0])).toEqual(hostile.map(() => 'objectiveLab.replaceText'));
    expect(commands(text).map((command) => (command as [string, [{ text: string }]])[1][0].text)).toEqual(
      hostile.map((token) => tokenText(token).text),
    );
  });

  it('escapes line ends and what turns the direction of writing', () => {
    expect(escapeMarkdown('a\nb\u202ec')).toBe('a b�c');
  });
});

describe('A bar', () => {
  it('has eighths, and is never nothing', () => {
    expect([bar(1, 4), bar(0.5, 4), bar(0.28, 4), bar(0, 4), bar(7, 4)]).toEqual(['████', '██', '█▏', '▏', '████']);
  });
});

describe('A token', () => {
  it('is read as people do', () => {
    expect(['##ing', 'Ġsea', 'cafÃ©', 'é', 'Ã', '##', '##é', 'ĠðŁĲĭ'].map((token) => tokenText(token).text)).toEqual([
      'ing',
      'sea',
      'café',
      'é',
      'Ã',
      '##',
      'é',
      '🐋',
    ]);
  });

  it('has a label, even if it is white space', () => {
    expect(['##ing', 'Ċ', 'Ġ', 'sea'].map(tokenLabel)).toEqual(['-ing', '⏎', '␣', 'sea']);
  });
});

describe('A mask in a line', () => {
  it('is found at its end and inside', () => {
    const line = 'a [MASK] b [MASK]';
    expect([2, 3, 8, 9, 11, 12, 17].map((column) => maskAt(line, column)?.start)).toEqual([undefined, 2, 2, undefined, undefined, 11, 11]);
  });

  it('that is begun ends behind the bracket that the editor closed', () => {
    expect(begunMask('a [', 3)).toEqual({ start: 2, end: 3 });
    expect(begunMask('a [MA]', 5)).toEqual({ start: 2, end: 6 });
    expect(begunMask('a MAS', 5)).toEqual({ start: 2, end: 5 });
    for (const line of ['a M', 'a ma', 'a [ma', 'DRAMA', 'a [x', '']) expect(begunMask(line, line.length)).toBeUndefined();
  });
});

describe('The nearest sentence', () => {
  const at = (path: string, start: number, text: string) => ({ path, start, end: start + text.length, text, similarity: 0.834 });

  it('is not one of the paragraph itself', () => {
    const own = at('/a.md', 10, 'Call me Ishmael.');
    const other = at('/a.md', 90, 'Call him Ahab.');
    expect(nearestOf([own, other], '/a.md', { start: 5, end: 40 })).toBe(other);
    expect(nearestOf([own], '/a.md', { start: 5, end: 40 })).toBeUndefined();
    expect(nearestOf([own, other], '/b.md', { start: 5, end: 40 })).toBe(own);
  });

  it('is shown on one line, with its place', () => {
    expect(lensTitle(at('/a.md', 0, 'Call me\n  Ishmael.'), 'a.md', 12)).toBe('≈ “Call me Ishmael.” — a.md:12 (0.83)');
    expect(lensTitle(at('/a.md', 0, '🐋'.repeat(200)), 'a.md', 1)).toBe(`≈ “${'🐋'.repeat(80)}…” — a.md:1 (0.83)`);
  });

  it('is found again where it stands after edits, nearest to its former place', () => {
    const text = 'x Ahab. y Ahab. z';
    expect([0, 2, 7, 15].map((start) => findAgain(text, at('/a.md', start, 'Ahab.'))?.start)).toEqual([2, 2, 10, 10]);
    expect(findAgain('gone', at('/a.md', 0, 'Ahab.'))).toBeUndefined();
  });
});

describe('The legend', () => {
  const read = { state: 'read', reader: 'a <b>, step 3', done: 0.379, whole: true, perplexity: 42.123 } as const;

  it('tells pseudo-perplexity and progress in the status bar', () => {
    expect(statusLine(read)).toBe('Surprisal · pseudo-perplexity 42.1 · 37 %');
    expect(statusLine({ ...read, done: 1, perplexity: 12_345.6 })).toBe('Surprisal · pseudo-perplexity 12,346');
    expect(statusLine({ ...read, whole: false })).toBe('Surprisal · pseudo-perplexity 42.1 · what is in view');
    expect(statusLine({ state: 'missing', notice: { title: 'No run yet' } })).toBe('Surprisal · No run yet');
  });

  it('has a row for each class, and shows names as they are', () => {
    const text = legend(read);
    expect(text.match(/surprisal[1-6]\)/g)).toHaveLength(6);
    expect(text).toContain('a \\<b\\>\\, step 3');
    expect(legend({ state: 'failed', detail: 'It <ended>.' })).toBe('It \\<ended\\>\\.');
  });
});
