import { describe, expect, it } from 'vitest';
import { ObjectiveOptions } from '../../../src/objectives';
import { UserError } from '../../../src/shared/errors';
import { countingSplit, create, special, splitOf, tinyModel, vocabularyFor } from './fixtures';

const file = { file: 'x.csv' };
const pairs = { from: 'pairs', ...file, a: 'a', b: 'b' };
const scored = { from: 'scored', ...file, a: 'a', b: 'b', score: 's' };
const triplets = { from: 'triplets', ...file, anchor: 'a', positive: 'b', negative: 'c' };

describe('options that contradict each other', () => {
  for (const [what, options, path, message] of [
    ['shares that do not add up', { type: 'mlm', replace: { mask: 0.8, random: 0.3, keep: 0.1 } }, ['replace'], /add up to 1/],
    ['hard negatives without a place', { type: 'contrastive', positives: triplets, loss: 'nt-xent' }, ['loss'], /Use "info-nce"/],
    ['scores that no loss reads', { type: 'contrastive', positives: scored, loss: 'info-nce' }, ['loss'], /Leave "loss" out/],
    ['a loss without scores', { type: 'contrastive', positives: pairs, loss: 'cosent' }, ['loss'], /CoSENT is the loss of scored pairs/],
    ['a batch that does not divide', { type: 'contrastive', batchSize: 32, gradientCache: 12 }, ['gradientCache'], /32.*12.*divisor/],
    [
      'a temperature that could not be learned',
      { type: 'contrastive', learnTemperature: true, temperature: 0.005 },
      ['temperature'],
      /0\.01.*0\.005.*leave "learnTemperature" out/,
    ],
    ['negatives where there are none', { type: 'contrastive', positives: scored, queue: 10 }, ['queue'], /Leave "queue" out/],
    ['views that are alike', { type: 'contrastive', positives: { from: 'augment', deletion: 0 } }, ['positives'], /use "dropout"/],
    ['beginnings of what is left away', { type: 'contrastive', matryoshka: [8], projection: 'mlp' }, ['matryoshka'], /projection "none"/],
    ['a rate beyond its bounds', { type: 'mlm', rate: { from: 0.1, to: 0.95 } }, ['rate', 'to'], /0\.9/],
    ['a source that is none', { type: 'contrastive', positives: { from: 'nowhere' } }, ['positives', 'from'], /./],
    ['a column that is not named', { type: 'seq2seq', task: { from: 'pairs', ...file, source: 'a' } }, ['task', 'target'], /./],
    ['a field of another objective', { type: 'clm', rate: 0.2 }, [], /rate/],
    ['an objective that is none', { type: 'xlnet' }, ['type'], /./],
  ] as const) {
    it(`are refused with the field and the way out: ${what}`, () => {
      const { error } = ObjectiveOptions.safeParse(options);
      // A union reports what each of its members finds wrong.
      const all = error!.issues.flatMap((issue) =>
        issue.code === 'invalid_union' && issue.errors.length > 0
          ? issue.errors.flat().map((inner) => ({ path: [...issue.path, ...inner.path], message: inner.message }))
          : [issue],
      );
      expect(all).toContainEqual(expect.objectContaining({ path: [...path], message: expect.stringMatching(message) as string }));
    });
  }

  it('are nothing but those: whatever is left out has a default that fits', () => {
    for (const options of [
      { type: 'mlm' },
      { type: 'contrastive' },
      ...[pairs, scored, triplets, 'adjacent', 'dropout', { from: 'augment' }].map((positives) => ({ type: 'contrastive', positives })),
      ...['spans', 'infilling', 'deletion', 'permutation', 'tsdae'].map((task) => ({ type: 'seq2seq', task })),
      { type: 'nsp' },
      { type: 'sop' },
      { type: 'clm' },
      { type: 'rtd' },
    ])
      expect(ObjectiveOptions.safeParse(options).error).toBeUndefined();
  });
});

/** The error that something throws, as a person sees it. */
function refusal(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    const { message, hint } = error as UserError;
    expect(hint).toBeTruthy();
    return `${message} ${hint!}`;
  }
  return expect.fail('Nothing was refused.');
}

describe('options that do not go with the model, the tokenizer or the corpus', () => {
  const split = countingSplit(2000);

  it('are refused: beginnings of an embedding as long as the whole', () => {
    expect(refusal(() => create({ type: 'contrastive', matryoshka: [4, 8] }))).toMatch(/"matryoshka".*8.*lengths below 8/);
  });

  it('are refused: synonyms of a model that nobody trains to find them', () => {
    const options = { type: 'contrastive', positives: { from: 'augment', synonyms: 0.1 } };
    expect(refusal(() => create(options, { types: ['contrastive'] }))).toMatch(/"synonyms".*Add the objective "mlm"/);
  });

  it('are refused: views by dropout without dropout, and no other ones', () => {
    const config = { ...tinyModel, dropout: 0, attentionDropout: 0 };
    const check = (positives: unknown) => () =>
      create({ type: 'contrastive', batchSize: 4, positives }, { config }).check(split, { ...split, name: 'heldOut' });
    expect(refusal(check('dropout'))).toMatch(/"model\.dropout".*"positives"/);
    expect(check('adjacent')).not.toThrow();
    expect(check({ from: 'augment' })).not.toThrow();
  });

  it('are refused: masks of a tokenizer without [MASK]', () => {
    const unmasked = { ...vocabularyFor(1000), special: { ...special, mask: undefined } };
    for (const [type, options] of Object.entries({ mlm: {}, rtd: {}, seq2seq: { task: 'infilling' } }))
      expect(refusal(() => create({ type, ...options }, { vocabulary: unmasked }))).toMatch(
        new RegExp(`\\[MASK\\].*"${type}".*"tokenizer.from"`),
      );
    expect(() => create({ type: 'seq2seq', task: 'deletion' }, { vocabulary: unmasked })).not.toThrow();
  });

  it('are refused: a corpus too small for a sequence, or for a batch', () => {
    const small = splitOf([[[5, 6, 7, 8, 9]]]);
    const enough = { ...split, name: 'heldOut' } as const;
    for (const type of ['mlm', 'clm', 'rtd', 'seq2seq'])
      expect(refusal(() => create({ type, sequenceLength: 32 }).check(small, enough))).toMatch(
        new RegExp(`too small.*"${type}".*"sequenceLength"`),
      );
    for (const options of [{ type: 'contrastive' }, { type: 'contrastive', positives: 'adjacent' }, { type: 'seq2seq', task: 'tsdae' }])
      expect(refusal(() => create(options).check(small, enough))).toMatch(new RegExp(`too small.*"${options.type}".*"batchSize"`));
    expect(refusal(() => create({ type: 'nsp' }).check(small, enough))).toMatch(/1 documents.*"nsp".*more files/);
    expect(refusal(() => create({ type: 'sop' }).check(small, enough))).toMatch(/0 pairs of neighbouring sentences.*"sop".*Choose "mlm"/);
  });
});
