import { describe, expect, it } from 'vitest';
import bert from '../../oracle/bert-objectives.json';
import electra from '../../oracle/rtd.json';
import translation from '../../oracle/seq2seq.json';
import type { Tensor } from '../../../src/onnx/types';
import type { Instance } from '../../../src/objectives';
import { normalised } from '../../../src/objectives/scoring';
import { create } from './fixtures';
import { batchOf, configOf, expectGradients, lengthOf, measure, readAll } from './recorded';

describe('next-sentence prediction and causal language modelling', () => {
  const config = configOf(bert.config);
  const weights = readAll(bert.weights);

  it("have the loss and the gradients of transformers' BertForNextSentencePrediction", async () => {
    const { nsp } = bert.cases;
    const instance = create(
      { type: 'nsp', batchSize: nsp.batch.inputIds.length, sequenceLength: nsp.batch.inputIds[0]!.length },
      { config },
    );
    const { loss, metrics, gradients } = await measure(config, instance, weights, batchOf(instance, nsp.batch));
    expect(loss).toBeCloseTo(nsp.loss, 5);
    expect(metrics.accuracy).toBeCloseTo(nsp.accuracy, 6);
    expectGradients(gradients, nsp.gradients);
  });

  it('are for sentence order what they are for the next sentence, with a head of its own name', async () => {
    const { nsp } = bert.cases;
    const renamed = <T>(all: Readonly<Record<string, T>>): Record<string, T> =>
      Object.fromEntries(
        Object.entries(all).map(([name, value]) => [name.replace('cls.seq_relationship', 'sop_classifier.classifier'), value]),
      );
    const instance = create(
      { type: 'sop', batchSize: nsp.batch.inputIds.length, sequenceLength: nsp.batch.inputIds[0]!.length },
      { config },
    );
    const { loss, gradients } = await measure(config, instance, readAll(renamed(bert.weights)), batchOf(instance, nsp.batch));
    expect(loss).toBeCloseTo(nsp.loss, 5);
    expectGradients(gradients, renamed(nsp.gradients));
  });

  it("have the loss and the gradients of transformers' BertLMHeadModel", async () => {
    const { clm } = bert.cases;
    const instance = create(
      { type: 'clm', batchSize: clm.batch.inputIds.length, sequenceLength: clm.batch.inputIds[0]!.length },
      { config },
    );
    const { loss, metrics, gradients } = await measure(config, instance, weights, batchOf(instance, clm.batch));
    expect(loss).toBeCloseTo(clm.loss, 5);
    expect(metrics.accuracy).toBeCloseTo(clm.accuracy, 6);
    expectGradients(gradients, clm.gradients);
  });
});

describe('contrastive learning', () => {
  it("has the loss and the gradients of NT-Xent on transformers' BertModel, mean-pooled over unpadded tokens", async () => {
    const config = configOf(bert.config);
    const { contrastive } = bert.cases;
    const [rows, sequenceLength] = [contrastive.batch.inputIds.length, contrastive.batch.inputIds[0]!.length];
    const options = {
      type: 'contrastive',
      positives: 'adjacent',
      batchSize: rows / 2,
      sequenceLength,
      temperature: contrastive.temperature,
    };
    const instance = create(options, { config });
    const { loss, metrics, gradients } = await measure(config, instance, readAll(bert.weights), batchOf(instance, contrastive.batch));
    expect(loss).toBeCloseTo(contrastive.loss, 4);
    expect(metrics.retrieval).toBeCloseTo(contrastive.retrieval, 6);
    expectGradients(gradients, contrastive.gradients);
  });
});

describe('sequence to sequence', () => {
  const config = configOf(translation.config);
  const { batch } = translation;
  const counted = (chosen: (row: number, i: number) => boolean): number[] => [
    ...normalised(Float64Array.from(batch.weights.flatMap((row, r) => row.map((weight, i) => (weight && chosen(r, i) ? 1 : 0))))),
  ];
  const feeds = { ...batch, weights: counted(() => true), wordWeights: counted((row, i) => batch.labels[row]![i] !== 3) };

  for (const [task, recorded] of [
    ['deletion', translation.cases['attention to all states']],
    ['tsdae', translation.cases.tsdae],
  ] as const) {
    it(`has the loss and the gradients of transformers' EncoderDecoderModel: ${task}`, async () => {
      const [batchSize, sequenceLength] = [batch.inputIds.length, batch.inputIds[0]!.length];
      const options = { type: 'seq2seq', task, batchSize, sequenceLength, decoderLayers: translation.config.decoder_layers };
      const instance = create(options, { config });
      const { loss, metrics, gradients } = await measure(config, instance, readAll(translation.weights), batchOf(instance, feeds));
      expect(loss).toBeCloseTo(recorded.loss, 4);
      expect(recorded.accuracy).toBeGreaterThan(0);
      expect(metrics.accuracy).toBeCloseTo(recorded.accuracy, 6);
      expectGradients(gradients, recorded.gradients);
    });
  }
});

describe('replaced-token detection', () => {
  const config = configOf(electra.config);
  const { batch } = electra;
  const judge = (discriminatorWeight: number): Instance =>
    create(
      {
        type: 'rtd',
        batchSize: batch.originalIds.length,
        sequenceLength: batch.originalIds[0]!.length,
        rate: 0.3,
        generatorSize: 0.5,
        discriminatorWeight,
      },
      { config },
    );
  const feeds = { ...batch, weights: [...normalised(Float64Array.from(batch.weights.flat()))] };
  const sharpened = new Map(
    [...readAll(electra.weights)].map(([name, value]): [string, Tensor] =>
      name === electra.sharpened.name
        ? [name, { ...value, data: (value.data as Float32Array).map((weight) => weight * electra.sharpened.factor) }]
        : [name, value],
    ),
  );

  it("has the losses and the gradients of transformers' ELECTRA, given the tokens that the generator draws", async () => {
    const instance = judge(electra.discriminatorWeight);
    for (const key of [1, 2]) {
      const { loss, metrics, gradients } = await measure(config, instance, sharpened, batchOf(instance, feeds), key);
      expect(metrics.generator! / electra.whole.generator).toBeCloseTo(1, 5);
      expect(metrics.discriminator).toBeCloseTo(electra.whole.discriminator, 5);
      expect(metrics.accuracy).toBeCloseTo(electra.whole.accuracy, 6);
      expect(loss / electra.whole.loss).toBeCloseTo(1, 5);
      expectGradients(gradients, electra.whole.gradients);
    }
  });

  it("trains the generator by transformers' masked-token loss, where there is an ordinary one", async () => {
    const { metrics, gradients } = await measure(config, judge(1e-30), readAll(electra.weights), batchOf(judge(1), feeds));
    expect(metrics.generator).toBeCloseTo(electra.generatorAlone.loss, 5);
    expectGradients(gradients, electra.generatorAlone.gradients);
  });

  it('sends no gradient from the discriminator to the generator, and does so to the embeddings that both share', async () => {
    const [light, heavy] = await Promise.all(
      [1, 1000].map((weight) => measure(config, judge(weight), readAll(electra.weights), batchOf(judge(1), feeds))),
    );
    const own = [...light!.gradients.keys()].filter((name) => name.startsWith('generator'));
    expect(own.length).toBeGreaterThan(20);
    for (const name of own) {
      expect(lengthOf(light!.gradients.get(name)!), name).toBeGreaterThan(0);
      expect(heavy!.gradients.get(name), name).toEqual(light!.gradients.get(name));
    }
    const words = 'bert.embeddings.word_embeddings.weight';
    expect(lengthOf(heavy!.gradients.get(words)!)).toBeGreaterThan(10 * lengthOf(light!.gradients.get(words)!));
  });
});
