import { describe, expect, it } from 'vitest';
import oracle from '../../oracle/contrastive.json';
import { grad } from '../../../src/onnx/grad';
import * as ops from '../../../src/onnx/ops';
import { alignmentAndUniformity, ntXent } from '../../../src/objectives/contrastive';
import { createObjective, ObjectiveOptions } from '../../../src/objectives';
import type { Split } from '../../../src/text/dataset';
import { evaluate, fed } from '../support/evaluate';

const near = (actual: readonly number[], expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 8));
};

describe('NT-Xent', () => {
  for (const recorded of oracle.cases) {
    it(`agrees with PyTorch: ${recorded.name}`, async () => {
      const first = fed('float64', recorded.first.shape, recorded.first.data);
      const second = fed('float64', recorded.second.shape, recorded.second.data);
      const views = ops.l2Normalize(ops.concat([first.value, second.value], 0));
      const loss = ntXent(views, recorded.temperature);
      const [g1, g2] = grad(loss, [first.value, second.value]);
      const { alignment, uniformity } = alignmentAndUniformity(views);
      const values = await evaluate(
        new Map([
          ['loss', loss],
          ['g1', g1!],
          ['g2', g2!],
          ['alignment', alignment],
          ['uniformity', uniformity],
        ]),
        [first, second],
      );
      near(values.get('loss')!, [recorded.ntXent.loss]);
      near(values.get('g1')!, recorded.ntXent.gradients[0]!.data);
      near(values.get('g2')!, recorded.ntXent.gradients[1]!.data);
      near(values.get('alignment')!, [recorded.alignment]);
      near(values.get('uniformity')!, [recorded.uniformity.first]);
    });
  }

  it('is the formula of the paper, written out', async () => {
    const data = [1, 0, 0, 1, 0.6, 0.8, -0.8, 0.6];
    const temperature = 0.3;
    const views = [0, 1, 2, 3].map((i) => data.slice(2 * i, 2 * i + 2));
    const similarity = (i: number, j: number): number => (views[i]![0]! * views[j]![0]! + views[i]![1]! * views[j]![1]!) / temperature;
    const term = (i: number): number => {
      const others = [0, 1, 2, 3].filter((k) => k !== i);
      return -similarity(i, (i + 2) % 4) + Math.log(others.reduce((sum, k) => sum + Math.exp(similarity(i, k)), 0));
    };
    const x = fed('float64', [4, 2], data);
    const values = await evaluate(new Map([['loss', ntXent(x.value, temperature)]]), [x]);
    near(values.get('loss')!, [(term(0) + term(1) + term(2) + term(3)) / 4]);
  });
});

const special = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };
const config = {
  vocabularySize: 100,
  layers: 1,
  hiddenSize: 8,
  attentionHeads: 2,
  intermediateSize: 16,
  maxPositions: 32,
  dropout: 0.1,
  attentionDropout: 0.1,
};

/** 40 sentences of 6 words, of which every fourth is a copy of the first and every fifth too short. */
const split = (): Split => ({
  name: 'train',
  tokenCount: 240,
  sentenceCount: 40,
  documentCount: 1,
  tokens: () => new Int32Array(),
  sentence: (i) => Int32Array.from(i % 5 === 0 ? [7] : i % 4 === 0 ? [9, 9, 9, 9, 9, 9] : [5, 6, 7, 8, 9, 10 + i]),
  documentOf: () => 0,
  sentencesOf: () => [0, 40],
});

describe('contrastive batches', () => {
  const create = (seed: number) =>
    createObjective(ObjectiveOptions.parse({ type: 'contrastive', batchSize: 8, sequenceLength: 8 }), { config, special, seed });

  it('have no sentence twice and none that is too short', () => {
    for (let step = 0; step < 20; step++) {
      const { inputIds, attentionMask } = create(1).batch(split(), step);
      const rows = Array.from({ length: 8 }, (_, row) => [...(inputIds!.data as BigInt64Array).slice(row * 8, row * 8 + 8)].join());
      expect(new Set(rows).size).toBe(8);
      for (const row of rows) expect(row.startsWith('2,')).toBe(true);
      expect((attentionMask!.data as Float32Array).every((value) => value === 1)).toBe(true);
    }
  });

  it('are pure functions of seed and step', () => {
    expect(create(1).batch(split(), 3)).toEqual(create(1).batch(split(), 3));
    expect(create(1).batch(split(), 3)).not.toEqual(create(2).batch(split(), 3));
  });

  it('are refused without dropout, which makes the views', () => {
    const still = createObjective(ObjectiveOptions.parse({ type: 'contrastive', batchSize: 8, sequenceLength: 8 }), {
      config: { ...config, dropout: 0, attentionDropout: 0 },
      special,
      seed: 1,
    });
    expect(() => still.check(split(), split())).toThrow(/dropout/);
  });
});
