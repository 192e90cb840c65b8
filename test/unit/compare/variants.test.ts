import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkComparison, loadComparison } from '../../../src/compare/load';
import { mergePatch } from '../../../src/compare/merge-patch';
import { slugOf, variantsOf } from '../../../src/compare/variants';
import { newComparison } from '../../../src/experiment/template';

describe('mergePatch', () => {
  // Appendix A of RFC 7396.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j is %j', (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });

  it('cannot reach the prototype', () => {
    const merged = mergePatch({}, JSON.parse('{ "__proto__": { "a": 1 } }')) as Record<string, unknown>;
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });
});

describe('a grid', () => {
  it('makes every combination, named after its values', () => {
    const found = variantsOf({
      variants: undefined,
      grid: { objectives: [[{ type: 'mlm' }], [{ type: 'mlm' }, { type: 'nsp' }]], 'training.learningRate': [0.001, 0.01] },
    });
    expect(found.map(({ name }) => name)).toEqual([
      'mlm, learningRate 0.001',
      'mlm, learningRate 0.01',
      'mlm + nsp, learningRate 0.001',
      'mlm + nsp, learningRate 0.01',
    ]);
    expect(found[3]!.change).toEqual({ objectives: [{ type: 'mlm' }, { type: 'nsp' }], training: { learningRate: 0.01 } });
    expect(found[3]!.place(['objectives', 1, 'rate'])).toEqual(['grid', 'objectives', 1, 1, 'rate']);
  });

  it('numbers names that stand twice, and slugs are fit for folders', () => {
    const found = variantsOf({ variants: undefined, grid: { objectives: [[{ type: 'mlm', rate: 0.1 }], [{ type: 'mlm', rate: 0.2 }]] } });
    expect(found.map(({ name }) => name)).toEqual(['mlm', 'mlm (2)']);
    expect(['MLM + NSP', '../x', 'ä b'].map(slugOf)).toEqual(['mlm-and-nsp', 'x', 'ä-b']);
  });
});

describe('a comparison file', () => {
  let folder: string;
  const path = (): string => join(folder, 'x.compare.json');
  const problems = (text: string): [string, string][] =>
    checkComparison(text, path()).map(({ start, end, message }) => [text.slice(start, end), message]);
  const text = (fields: string): string =>
    `{ "experiment": "base.lab.json", "budget": { "tokens": 1e6 }, ${fields.includes('"probes"') ? '' : '"probes": [{ "type": "perplexity" }], '}${fields} }`;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'objective-lab-'));
    writeFileSync(join(folder, 'base.lab.json'), '{ /* base */ "objectives": [{ "type": "mlm" }], "training": { "learningRate": 0.01 } }');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('has one budget', () => {
    const of = (budget: string) =>
      problems(
        `{ "experiment": "base.lab.json", "variants": [{ "name": "a" }], "probes": [{ "type": "perplexity" }], "budget": ${budget} }`,
      );
    expect(of('{ "flops": 1e9, "tokens": 3 }')).toEqual([['"tokens"', '`budget.tokens` cannot stand beside `flops`: give one of them.']]);
    expect(of('{ "tokens": 0 }')).toEqual([['0', '`budget.tokens` must be a number above 0, not 0.']]);
    expect(of('{ "tokns": 3 }')).toEqual([['"tokns"', expect.stringContaining('Did you mean `tokens`?')]]);
  });

  it('gives the variants as whole experiments, the seeds counted from 1', () => {
    writeFileSync(path(), text('"seeds": 2, "variants": [{ "name": "A" }, { "name": "B", "change": { "training": { "warmup": 0 } } }]'));
    const { variants, seeds, comparison } = loadComparison(path());
    expect(seeds).toEqual([1, 2]);
    expect(comparison.name).toBe('x');
    expect(variants.map(({ experiment }) => [experiment.training.warmup, experiment.training.learningRate])).toEqual([
      [0.1, 0.01],
      [0, 0.01],
    ]);
  });

  it.each([
    [
      '"variants": [{ "name": "A", "change": { "objectives": [{ "type": "mlm", "rate": 7 }] } }]',
      '7',
      /Variant "A": `objectives\[0\]\.rate` must be/,
    ],
    ['"variants": [{ "name": "A", "change": { "seed": 4 } }]', '4', /`seeds` of the comparison/],
    ['"variants": [{ "name": "A", "change": { "training": { "steps": 4 } } }]', '4', /`budget` of the comparison/],
    ['"variants": [{ "name": "A" }, { "name": "a" }]', '"a"', /cannot be told apart/],
    ['"seeds": [1, 1], "variants": [{ "name": "A" }]', '"seeds"', /stands here twice/],
    ['"grid": { "training.learningRate": [0.1, 70] }', '70', /`training\.learningRate` must be/],
    [
      '"variants": [{ "name": "A" }], "probes": [{ "type": "perplexity" }, { "type": "perplexity", "rate": 0.3 }]',
      '{',
      /already a probe "perplexity"/,
    ],
    ['"grid": {}, "variants": [{ "name": "A" }]', '"variants"', /either/],
    ['"variants": [{ "nme": "A" }]', '"nme"', /Did you mean `name`/],
  ])('%s is a mistake at %s', (fields, where, message) => {
    const found = problems(text(fields));
    expect(found.map(([at]) => at)).toContain(where);
    expect(found.find(([at]) => at === where)![1]).toMatch(message);
    writeFileSync(path(), text(fields));
    expect(() => loadComparison(path())).toThrow(message);
  });

  it('whose base experiment is not there says so', () => {
    expect(problems(text('"variants": [{ "name": "A" }]').replace('base.lab', 'none.lab'))).toEqual([
      ['"none.lab.json"', expect.stringContaining('cannot be read')],
    ]);
  });

  it('that the editor writes has no problem', () => {
    expect(problems(newComparison('base.lab.json'))).toEqual([]);
  });
});
