import { presetModel, type Preset } from '../experiment/model';
import { resolveModel } from '../experiment/resolve';
import type { ModelConfig } from '../model/config';
import { initialise, initialiserRange } from '../model/parameters';
import { createObjective, ObjectiveOptions, type Instance } from '../objectives';
import { hash32 } from '../shared/random';
import { tensor, type Tensor } from '../onnx/types';
import type { Split } from '../text/dataset';
import { vocabularyOf } from '../text/vocabulary';
import { feedsOf, STEP_KEY, trainingLosses } from '../train/compile';
import { TrainingState } from '../train/state';
import type { GradientOptions } from '../train/step';

/** What a row of the benchmark trains. */
export interface Workload {
  readonly preset: Preset;
  readonly objectives: readonly ('mlm' | 'contrastive')[];
  /** Of activations and attention probabilities. */
  readonly dropout: number;
  /** Sequences of a step of `mlm`; 16 by default. */
  readonly batch?: number;
}

export const OPTIMISER = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, gradientClip: 1 };
export const LEARNING_RATE = 1e-4;
/** Batches, which are taken in turn where several programs train on the same. */
export const BATCHES = 8;

const VOCABULARY = 8192;
const SPECIAL = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };
/** Sequences of a step, and tokens in each; sentences of the contrastive part. */
const BATCH = 16;
const LENGTH = { tiny: 64, mini: 128, small: 128, base: 128 } as const;
const SENTENCES = { batchSize: 32, sequenceLength: 32 };

/** One model with its objectives on random tokens: speed does not depend on what the text says. */
export class BenchmarkModel {
  readonly config: ModelConfig;
  readonly instances: readonly Instance[];
  readonly losses: GradientOptions;
  #state: TrainingState | undefined;

  constructor({ preset, objectives, dropout, batch = BATCH }: Workload) {
    this.config = resolveModel({ ...presetModel(preset), dropout, attentionDropout: dropout }, VOCABULARY);
    const context = { config: this.config, vocabulary, tokens: [], seed: 1, steps: 1000, types: objectives };
    const sizes = { mlm: { batchSize: batch, sequenceLength: LENGTH[preset] }, contrastive: SENTENCES };
    this.instances = objectives.map((type) => createObjective(ObjectiveOptions.parse({ type, ...sizes[type] }), context));
    this.losses = trainingLosses(this.config, this.instances);
  }

  /** Made when it is first asked for: whoever looks at the graph alone needs none. */
  get state(): TrainingState {
    if (!this.#state) {
      this.#state = new TrainingState(this.losses.specs);
      for (const spec of this.losses.specs) initialise(this.#state.parameters.get(spec.name)!, spec, 1, initialiserRange(this.config));
    }
    return this.#state;
  }

  /** Tokens that go through the encoder in a step. */
  get tokens(): number {
    return this.instances.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  batch(step: number): Map<string, Tensor> {
    const feeds = this.instances.flatMap(({ type, batch }) => feedsOf(type, batch(randomText, step)));
    return new Map([...feeds, [STEP_KEY, tensor('uint32', [], [hash32(1, step)])]]);
  }

  /**
   * FLOP of a step by the usual formula, which counts every layer for every position: 6·tokens·12·L·H² + 12·L·tokens·T·H for each encoding, and
   * 6·masked·(H·V + H²) for the head.
   */
  get formulaFlops(): number {
    const { layers, hiddenSize: h, vocabularySize } = this.config;
    return this.instances.reduce((sum, { tokens, feeds }) => {
      const length = feeds.inputIds!.shape[1]!;
      const masked = feeds.labels?.shape[0] ?? 0;
      return sum + 72 * tokens * layers * h ** 2 + 12 * layers * tokens * length * h + 6 * masked * (h * vocabularySize + h ** 2);
    }, 0);
  }
}

const vocabulary = vocabularyOf({
  special: SPECIAL,
  specials: Uint8Array.from({ length: VOCABULARY }, (_, id) => Number(Object.values(SPECIAL).includes(id))),
  starts: new Uint8Array(VOCABULARY).fill(1),
  counts: new Float64Array(VOCABULARY),
});

const ORDINARY = VOCABULARY - Object.keys(SPECIAL).length;
const randomTokens = (start: number, length: number): Int32Array =>
  Int32Array.from({ length }, (_, i) => Object.keys(SPECIAL).length + (hash32(start + i) % ORDINARY));

const SENTENCE_COUNT = 10_000;
const randomText: Split = {
  name: 'train',
  tokenCount: 1_000_000,
  sentenceCount: SENTENCE_COUNT,
  documentCount: 1,
  tokens: randomTokens,
  sentence: (index) => randomTokens(index * 64, SENTENCES.sequenceLength - 2),
  documentOf: () => 0,
  sentencesOf: () => [0, SENTENCE_COUNT],
  tables: new Map(),
};
