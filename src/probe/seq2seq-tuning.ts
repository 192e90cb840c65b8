import type { ProbeOptionsOf } from '../experiment/probes';
import { DECODER } from '../model/decoder';
import { encoderParameters } from '../model/parameters';
import { input } from '../onnx/graph';
import { assemble, seq2seq } from '../objectives/seq2seq';
import type { Denoising } from '../objectives/denoising';
import { stepKey } from '../train/compile';
import type { Pair, TunedWriter } from './generation';
import type { ProbeContext } from './probe';
import { quantile } from './statistics';
import { drawBatch, stepsOf, tune } from './tuning';

const [WARMUP, WEIGHT_DECAY] = [0.1, 0.01];
/** Sequences are as long as all but so many of the pairs need; longer ones are cut. */
const FITTING = 0.99;

/**
 * Fine-tunes a model to write the targets of pairs: its encoder, and its own decoder if it has one, otherwise a new one of as many layers (Rothe et al.,
 * 2020, arXiv 1907.12461).
 */
export async function tuneWriter(
  pairs: readonly Pair[],
  { epochs, batchSize, learningRate, seed }: ProbeOptionsOf<'generation'>,
  { model, threads, signal, onProgress }: ProbeContext,
): Promise<TunedWriter> {
  const { config, tokenizer, vocabulary } = model;
  const idsOf = async (text: string): Promise<Int32Array> => (await tokenizer.encode(text)).ids;
  const texts = await Promise.all(
    pairs.map(async ({ source, target }): Promise<Denoising> => ({ source: await idsOf(source), target: await idsOf(target) })),
  );
  const own = model.writing?.stack.prefix === DECODER ? model.writing : undefined;
  const fitting = (lengths: number[]): number =>
    Math.min(
      config.maxPositions,
      8 *
        Math.ceil(
          quantile(
            lengths.sort((a, b) => a - b),
            FITTING,
          ) / 8,
        ),
    );
  const batch = Math.min(batchSize, texts.length);
  const steps = stepsOf(texts.length, batch, epochs);
  // The pairs are given here, and not read from a file.
  const options = seq2seq.options.parse({
    type: 'seq2seq',
    batchSize: batch,
    sequenceLength: fitting(texts.map(({ source }) => source.length + 2)),
    targetLength: fitting(texts.map(({ target }) => target.length + 1)),
    task: { from: 'pairs', file: '.', source: 'source', target: 'target' },
    decoderLayers: own?.stack.layers ?? config.layers,
  });
  const objective = seq2seq.create(options, { config, vocabulary, tokens: [], seed, steps, types: ['seq2seq'] });
  const { feeds } = objective;
  onProgress?.(`Fine-tuning on ${texts.length} pairs for ${steps} steps`);
  const parameters = await tune({
    config,
    specs: [...encoderParameters(config), ...objective.parameters],
    from: model.parameters,
    loss: (given, dropout) => {
      const fed = (name: string) => input(name, feeds[name]!.dtype, feeds[name]!.shape);
      return objective.loss({ parameters: given, dropout, batch: fed, buffer: fed, key: stepKey() }).loss;
    },
    feeds: (step) => {
      const drawn = drawBatch(texts.length, batch, step, seed).map((index) => texts[index]!);
      // Those of the objective's metric are no part of the loss.
      const { wordWeights: _, ...fed } = assemble(drawn, feeds, { vocabulary });
      return new Map(Object.entries(fed));
    },
    steps,
    learningRate,
    warmup: WARMUP,
    weightDecay: WEIGHT_DECAY,
    seed,
    threads,
    signal,
  });
  const decoder = own ? "the model's own decoder" : `a new decoder of ${options.decoderLayers} layers`;
  const read = model.causal ? ' The encoder, trained causally before, reads in both directions here.' : '';
  return {
    model: { config, tokenizer, parameters },
    writing: seq2seq.writing(options, config),
    note: `The encoder and ${decoder} were trained for ${epochs} epochs at a peak learning rate of ${learningRate}; nothing was chosen.${read}`,
  };
}
