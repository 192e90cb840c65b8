import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commandLine, geometryCommand, mapCommand, neighboursCommand, similarityCommand } from '../../../src/shared/command-line';

/** The arguments as a shell hands them to a program. */
function readBack(args: readonly string[]): string[] {
  const output = execFileSync('sh', ['-c', `printf '%s\\0' ${commandLine(args)}`], { encoding: 'utf8' });
  return output.split('\0').slice(0, -1);
}

describe('a command line', () => {
  it('leaves plain words as they are', () => {
    expect(commandLine(['objective-lab', 'map', '.objective-lab/runs/20260101-101010-mlm', 'a/b_c.md', '--unit', 'line'])).toBe(
      'objective-lab map .objective-lab/runs/20260101-101010-mlm a/b_c.md --unit line',
    );
  });

  it('quotes the rest in the way that people know', () => {
    expect(commandLine(["It's so.", 'two words', ''])).toBe(String.raw`'It'\''s so.' 'two words' ''`);
  });

  it.each([
    ['quotes', `'`, `''`, `"`, `a'b"c`],
    ['expansions', '$HOME', '`ls`', '$(ls)', '~', '~root', '*', '?', '[a]', '{a,b}', '!!', '=ls'],
    ['separators', 'a b', 'a;b', 'a&b', 'a|b', 'a\nb', 'a\tb', '# no comment', '>out', '<in', '(a)'],
    ['backslashes', '\\', '\\n', `\\'`, 'a\\'],
    ['other scripts', 'Ahab rief', 'שלום עולם', '鯨', '🐋', 'e\u0301'],
    ['nothing', '', ''],
  ])('hands a program exactly its arguments: %s', (_, ...args) => {
    expect(readBack(args)).toEqual(args);
  });
});

describe('the commands of the inspector', () => {
  it('name model, file and unit', () => {
    expect(commandLine(similarityCommand('runs/a', 'my notes.md', 'sentence'))).toBe(
      "objective-lab similarity runs/a 'my notes.md' --unit sentence",
    );
    expect(commandLine(geometryCommand('runs/a', 'b.md', 'line'))).toBe('objective-lab geometry runs/a b.md --unit line');
    expect(commandLine(mapCommand('runs/a', 'b.md', 'paragraph', 'pca'))).toBe(
      'objective-lab map runs/a b.md --unit paragraph --projection pca',
    );
    expect(commandLine(neighboursCommand('runs/a', 'Call me Ishmael.'))).toBe(
      "objective-lab neighbours runs/a --text 'Call me Ishmael.' --root .",
    );
  });

  it('keep paths and texts from being taken for options', () => {
    expect(commandLine(similarityCommand('-a', '-b', 'line'))).toBe('objective-lab similarity ./-a ./-b --unit line');
    expect(neighboursCommand('a', '--root')).toContain('--text=--root');
  });
});
