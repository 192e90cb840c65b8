import { serialise } from '../onnx/serialise';
import { tensor, type Tensor } from '../onnx/types';
import type { ModelConfig } from '../model/config';
import type { Instance } from '../objectives';
import type { Dataset } from '../text/dataset';
import { hash32 } from '../shared/random';
import { compileEvaluation, feedsOf, parametersOf, STEP_KEY } from './compile';
import { Session, targetOf, type SessionOptions } from './device';
import { cachedEvaluation, isCached } from './gradient-cache';
import { dividedEvaluation, isDivided } from './micro-batches';

/** Held-out batches an evaluation looks at: always the same ones, whatever the experiment's seed. */
const BATCHES = 16;

/** Where the numbers of a held-out batch come from. */
export interface Measurement {
  /** @returns `loss` and `metric:<name>` */
  run(feeds: ReadonlyMap<string, Tensor>): Promise<ReadonlyMap<string, Tensor>>;
  release(): Promise<void>;
}

/** Measures a model on held-out data. */
export class Evaluator {
  readonly #measurements = new Map<string, Measurement>();

  constructor(
    private readonly config: ModelConfig,
    private readonly instances: readonly Instance[],
    private readonly dataset: Pick<Dataset, 'heldOut' | 'unigramEntropy'>,
    private readonly parameters: ReadonlyMap<string, Tensor>,
  ) {}

  async compile(options: SessionOptions): Promise<void> {
    const { config, parameters } = this;
    for (const instance of this.instances) {
      const measurement = isCached(instance)
        ? await cachedEvaluation(config, instance, parameters, options)
        : isDivided(instance) && instance.parts.metrics
          ? await dividedEvaluation(config, instance, options)
          : await Session.create(serialise(compileEvaluation(config, instance, targetOf(options), options.precision)), options);
      this.#measurements.set(instance.type, measurement);
    }
  }

  /**
   * The loss of each objective under its name, its further metrics as `objective.metric`, all as means over the fixed batches, and `unigram`: the
   * entropy of the unigram distribution in nats, which is what a model that knows only word frequencies reaches.
   *
   * @returns nothing when `signal` aborts on the way: a mean over fewer batches could not be compared with the others
   */
  async evaluate(signal?: AbortSignal): Promise<Record<string, number> | undefined> {
    const results: Record<string, number> = {};
    for (const instance of this.instances) {
      const sums = new Map<string, number>();
      for (let i = 0; i < BATCHES; i++) {
        if (signal?.aborted) return undefined;
        for (const [name, value] of await this.#measure(instance, i)) sums.set(name, (sums.get(name) ?? 0) + value);
      }
      for (const [name, sum] of sums) results[name] = sum / BATCHES;
    }
    return { ...results, unigram: this.dataset.unigramEntropy };
  }

  async #measure(instance: Instance, index: number): Promise<[string, number][]> {
    const names = parametersOf(this.config, [instance]).map(({ name }) => name);
    const feeds = new Map<string, Tensor>([
      ...names.map((name): [string, Tensor] => [name, this.parameters.get(name)!]),
      ...feedsOf(instance.type, instance.evaluationBatch(this.dataset.heldOut, index)),
      [STEP_KEY, tensor('uint32', [], [hash32(31, index)])],
    ]);
    const outputs = await this.#measurements.get(instance.type)!.run(feeds);
    return [...outputs].map(([name, { data }]) => [
      name === 'loss' ? instance.type : name.replace('metric:', `${instance.type}.`),
      Number(data[0]),
    ]);
  }

  async release(): Promise<void> {
    for (const measurement of this.#measurements.values()) await measurement.release();
  }
}
