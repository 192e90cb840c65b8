import { describe, expect, it } from 'vitest';
import { compileCell } from '../../../src/kernel/compile';
import { CHECK, WAIT } from '../../../src/kernel/names';

const compiled = (source: string): string =>
  compileCell(source)
    .code.replaceAll(WAIT, 'WAIT')
    .replaceAll(CHECK, 'CHECK')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');

describe('a cell', () => {
  it.each([
    ['const x: number = 1;', 'x = 1;', ['x']],
    ['let a = 1, b: string;', 'a = 1;\nb = void 0;', ['a', 'b']],
    ['const { a, b: [c = 2, , ...d], ...e } = f();', '({ a: a, b: [c = 2, , ...d], ...e } = f());', ['a', 'c', 'd', 'e']],
    ['export const x = 1;', 'x = 1;', ['x']],
    ['class A<T> { x!: T }', 'A = class A {\nx;\n};', ['A']],
    ['g();\nfunction* g() {}', 'g = function* g() { };\nreturn g();', ['g']],
    ["import d, { a as b, type T } from 'm';", '({ "default": d, "a": b } = await WAIT(import(\'m\')));', ['d', 'b']],
    ["import * as n from 'm';", "(n = await WAIT(import('m')));", ['n']],
    [
      "import d from './d.json' with { type: 'json' };",
      "({ \"default\": d } = await WAIT(import('./d.json', { with: { type: 'json' } })));",
      ['d'],
    ],
    ["import 'm';", "await WAIT(import('m'));", []],
    ["import type { T } from 'm'; interface I { x: T }", '', []],
    ['export default class { static x = 1 }', 'default_1 = class default_1 {\nstatic x = 1;\n};', ['default_1']],
    ['if (a) { var x = 1; }', 'if (a) {\n(x = 1);\n}', ['x']],
    ['for (var i = 0, n; i < 2; i++) { let j = i; }', 'for (i = 0, void 0; i < 2; i++) {\nlet j = i;\n}', ['i', 'n']],
    ['for (var { a, ...b } of xs) f(a);', 'for ({ a: a, ...b } of xs)\nf(a);', ['a', 'b']],
    ['{ function f() { var x = 1; } }', '{\nfunction f() { var x = 1; }\n}', []],
    ['const x = await f();', 'x = await WAIT(f());', ['x']],
    ['for await (const x of xs) f(x);', 'for await (const x of xs) {\nCHECK();\nf(x);\n}', []],
    ['enum E { A }\nE.A', 'E = void 0;\n(function (E) {\nE[E["A"] = 0] = "A";\n})(E || (E = {}));\nreturn E.A;', ['E']],
    ['1 + 1', 'return 1 + 1;', []],
    ['({ a: 1 })', 'return ({ a: 1 });', []],
    ['f(); // the end', 'return f(); // the end', []],
    ['x;\ntype T = 1;', 'return x;', []],
    ['for (const i of [1]) { const inner = i; }', 'for (const i of [1]) {\nconst inner = i;\n}', []],
  ])('%s', (source, code, declared) => {
    expect(compiled(source)).toBe(code);
    expect(compileCell(source).declared).toEqual(declared);
  });

  it('has no result where it ends with a declaration', () => {
    expect(compiled('f();\nconst x = 1;')).toBe('f();\nx = 1;');
  });

  it.each([
    ['const x = ;', 1, 11, 'Expression expected.'],
    ['const x = 1;\nconst x = {\n', 3, 1, "'}' expected."],
    ['1;\nusing x = f();', 2, 1, expect.stringContaining('inside a block') as string],
    ["import fs = require('fs');", 1, 1, expect.stringContaining('const fs = require(') as string],
    ["export * from 'm';", 1, 1, expect.stringContaining('exports nothing') as string],
  ])('that is no TypeScript is refused with its place: %s', (source, line, column, message) => {
    expect(() => compileCell(source)).toThrow(expect.objectContaining({ name: 'SyntaxError', line, column, message }) as Error);
  });

  it('may not take a name that everything relies on', () => {
    expect(() => compileCell('let a = 1;\nconst process = a;', new Set(['process']))).toThrow(
      expect.objectContaining({ line: 2, column: 7, message: expect.stringContaining('"process"') as string }) as Error,
    );
    expect(compileCell('{ const process = 1; }', new Set(['process'])).declared).toEqual([]);
  });
});
