import { describe, expect, test } from 'vitest';
import oracle from '../../oracle/probes.json';
import { bleuOf } from '../../../src/probe/metrics/bleu';
import { chrfOf } from '../../../src/probe/metrics/chrf';
import { accuracyOf, macroF1Of } from '../../../src/probe/metrics/classification';
import { ndcg, randomNdcg, rankRelevant, recall, reciprocalRank } from '../../../src/probe/metrics/ranking';
import { allOf } from '../../../src/probe/statistics';
import { permute } from '../../../src/shared/random';

describe('classes', () => {
  test.each(oracle.macroF1)("accuracy and macro-F1 are scikit-learn's ($truth.length examples)", ({ truth, told, macroF1, accuracy }) => {
    expect(macroF1Of(truth, told)(allOf(truth.length))).toBeCloseTo(macroF1, 12);
    expect(accuracyOf(truth, told)(allOf(truth.length))).toBeCloseTo(accuracy, 12);
  });
});

const gainsOf = (gains: readonly number[]): Map<number, number> =>
  new Map(gains.map((gain, document): [number, number] => [document, gain]).filter(([, gain]) => gain > 0));

describe('rankings', () => {
  test.each(oracle.ndcg)("nDCG@10 is scikit-learn's ($scores.length documents)", ({ gains, scores, ndcg: wanted }) => {
    expect(ndcg(rankRelevant(scores, gainsOf(gains)), 10)).toBeCloseTo(wanted, 12);
  });

  test('MRR looks for the first that is relevant, recall for all of them', () => {
    const relevant = rankRelevant([0.9, 0.1, 0.8, 0.7], gainsOf([0, 1, 0, 1]));
    expect(relevant.map(({ rank }) => rank)).toEqual([4, 3]);
    expect(reciprocalRank(relevant, 10)).toBeCloseTo(1 / 3, 12);
    expect(reciprocalRank(relevant, 2)).toBe(0);
    expect(recall(relevant, 3)).toBe(0.5);
  });

  test('a model that finds all alike gains nothing by ties', () => {
    const relevant = rankRelevant(new Float32Array(20).fill(0.5), gainsOf([1, ...Array<number>(19).fill(0)]));
    expect(relevant).toMatchObject([{ rank: 20 }]);
    expect(ndcg(relevant, 10)).toBe(0);
  });

  test('what random order reaches is the mean over orders', () => {
    const gains = gainsOf([3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]);
    let sum = 0;
    const draws = 4000;
    for (let draw = 0; draw < draws; draw++) {
      const scores = Array.from({ length: 14 }, (_, i) => permute(i, 14, draw));
      sum += ndcg(rankRelevant(scores, gains), 10) / draws;
    }
    expect(randomNdcg(rankRelevant(new Float32Array(14), gains), 14, 10)).toBeCloseTo(sum, 1.9);
  });
});

describe('written texts', () => {
  test.each(oracle.texts)("BLEU and chrF are sacrebleu's: $hypotheses.0", ({ hypotheses, references, bleu, chrf }) => {
    expect(bleuOf(hypotheses, references)(allOf(hypotheses.length))).toBeCloseTo(bleu, 8);
    expect(chrfOf(hypotheses, references)(allOf(hypotheses.length))).toBeCloseTo(chrf, 8);
  });
});
