import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commandLine, pathArgument } from '../../../src/shared/command-line';

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

  it('keeps a path from being taken for an option', () => {
    expect(['-rf.txt', 'a-b.txt', '/-x'].map(pathArgument)).toEqual(['./-rf.txt', 'a-b.txt', '/-x']);
  });
});
