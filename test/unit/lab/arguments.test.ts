import { describe, expect, it } from 'vitest';
import { createLab } from '../../../src/lab/lab';

const lab = createLab({ folder: 'samples', runs: 'nowhere', name: 'x', signal: () => undefined, display: () => undefined });
const any = lab as unknown as Record<string, (...given: unknown[]) => unknown>;

describe('a call with what does not fit', () => {
  it.each([
    ['run', [undefined], /lab\.run\(\): `id` is missing/],
    ['run', [5], /`id` must be a text in quotes that is not empty, not 5/],
    ['mask', [5], /lab\.mask\(\): `text` must be a text in quotes, not 5/],
    ['mask', ['a [MASK]', { top: -1 }], /`options\.top` must be a whole number .*1.*, not -1/],
    ['mask', ['a [MASK]', { mdel: 'x' }], /`options\.mdel` is not a known field\. Did you mean `model`\?/],
    ['mask', ['a [MASK]', 'x'], /`options` must be an object/],
    ['mask', ['a [MASK]', { model: 5 }], /`options\.model` must be a text in quotes or an object/],
    ['surprisal', [undefined], /lab\.surprisal\(\): `text` is missing/],
    ['embed', ['one text'], /lab\.embed\(\): `texts` must be a list/],
    ['similarity', [['a', 2]], /`texts\[1\]` must be a text in quotes, not 2/],
    ['similarity', ['A. B.', { unit: 'chapter' }], /`options\.unit` must be "sentence", "line" or "paragraph"/],
    ['geometry', [[1]], /`texts\[0\]`/],
    ['map', [['a'], { projection: 'tsne' }], /`options\.projection` must be "umap" or "pca"/],
    ['neighbours', [''], /`text` must be a text in quotes that is not empty/],
    ['neighbours', ['a', { root: 'nowhere' }], /The folder .*nowhere does not exist/],
    ['compare', [undefined], /`path` is missing/],
    ['train', [{}, { stepz: 1 }], /lab\.train\(\): `options\.stepz` is not a known field\. Did you mean `steps`\?/],
    ['train', [{}, { steps: 1.5 }], /`options\.steps` must be a whole number/],
    ['train', [undefined], /There is no experiment/],
    [
      'train',
      [{ objectives: [{ type: 'mlm', batchSise: 1 }] }],
      /^`objectives\[0\]\.batchSise` is not a known field\. Did you mean `batchSize`\?$/,
    ],
    ['graph', [{ objectives: [{ type: 'mlm', big: 1n }] }], /cannot be written as JSON: .*BigInt/],
    ['table', [[1]], /`rows\[0\]` must be an object/],
    ['heatmap', [[1, 2]], /`matrix\[0\]`: each row must be a list of numbers/],
    ['bars', ['t', { a: 'x' }], /`values\.a`: it must be a number/],
    ['html', ['<b>'], /is the tag of a template/],
    ['objective', [{}], /lab\.objective\(\): `type` is missing/],
    ['objective', [{ type: 'a b', create: () => ({}) }], /`type`: it must be a word/],
    ['objective', [{ type: 'own' }], /`create`: it must be a function/],
  ] as const)('is refused in its own words: lab.%s %#', async (name, given, message) => {
    await expect(new Promise((resolve) => resolve(any[name]!(...given)))).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(message) as string,
    });
  });

  it('spoils nothing: experiments are read as before', () => {
    expect(() => any.objective!({})).toThrow();
    expect(lab.objectives.map(({ type }) => type)).not.toContain(undefined);
  });
});

it('what fits is taken: typed arrays of whole numbers are rows, too', () => {
  expect(lab.heatmap([BigInt64Array.of(1n, 2n) as unknown as ArrayLike<number>, [3, 4]])).toMatchObject({ values: [1, 2, 3, 4] });
});
