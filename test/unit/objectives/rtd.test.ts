import { describe, expect, it } from 'vitest';
import { generatorConfig } from '../../../src/objectives/rtd';
import { countingSplit, create, plain, rowsOf, special, sum, tinyModel } from './fixtures';

const LENGTH = 32;
const split = countingSplit(2000);
const rtd = (options: object, context = {}) => create({ type: 'rtd', batchSize: 4, sequenceLength: LENGTH, ...options }, context);

describe('rtd batches', () => {
  it('show the generator [MASK] in every hidden place and nowhere else', () => {
    for (const unit of ['token', 'word', 'span']) {
      const batch = rtd({ unit }).batch(split, 3);
      const [original, masked, slots] = [rowsOf(batch.originalIds!), rowsOf(batch.maskedIds!), rowsOf(batch.slots!)];
      const [labels, weights] = [plain(batch.labels!), plain(batch.weights!)];
      expect(sum(weights)).toBeCloseTo(1, 5);
      original.forEach((row, i) => {
        expect(masked[i]).toEqual(row.map((id, place) => (slots[i]!.includes(place) && place > 0 ? special.mask : id)));
        slots[i]!.forEach((place, k) => expect(labels[i * slots[i]!.length + k]).toBe(row[place]));
      });
    }
  });

  it('leave slots over where a falling rate hides less, which weigh nothing and look at [CLS]', () => {
    const instance = rtd({ rate: { from: 0.5, to: 0.1 } }, { steps: 3 });
    for (const [step, count] of [15, 9, 3].entries()) {
      const { slots, labels, weights } = instance.batch(split, step);
      expect(slots!.shape).toEqual([4, 15]);
      const [places, wanted, used] = [plain(slots!), plain(labels!), plain(weights!)];
      expect(used.filter((weight) => weight > 0)).toHaveLength(4 * count);
      used.forEach((weight, i) => {
        expect(places[i] === 0).toBe(weight === 0);
        if (weight === 0) expect(wanted[i]).toBe(special.cls);
      });
    }
  });
});

describe("the generator's size", () => {
  it('is the share that is asked for, in whole heads of the same width', () => {
    const config = { ...tinyModel, hiddenSize: 64, attentionHeads: 4, intermediateSize: 256, layers: 3 };
    expect(generatorConfig(config, 0.25)).toEqual({ ...config, hiddenSize: 16, attentionHeads: 1, intermediateSize: 64 });
    expect(generatorConfig(config, 0.5)).toEqual({ ...config, hiddenSize: 32, attentionHeads: 2, intermediateSize: 128 });
    expect(generatorConfig(config, 1)).toEqual(config);
    expect(generatorConfig(config, 0.05).attentionHeads).toBe(1);
    const names = rtd({}, { config }).parameters.map(({ name, shape }) => `${name} ${shape.join('x')}`);
    expect(names).toContain('generator.embeddings_project.weight 16x64');
    expect(names).toContain('generator.encoder.layer.2.attention.self.query.weight 16x16');
    expect(names).toContain('generator_predictions.dense.weight 64x16');
  });
});
