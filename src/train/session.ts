import { version as VERSION } from '../../package.json';
import { initialise, initialiserRange, type ParameterSpec } from '../model/parameters';
import { sameShape, size, type Tensor } from '../onnx/types';
import { UserError } from '../shared/errors';
import type { Baseline, Precision } from '../shared/types';
import type { Retention, SavedState } from './checkpoint';
import { buffersOf, parametersOf } from './compile';
import { runtimeVersion, type Provider } from './device';
import { Evaluator } from './evaluate';
import { Optimisation } from './optimisation';
import { describePrecision } from './precision';
import { preparedAs, type Setup } from './setup';
import { TrainingState } from './state';

export interface ChosenDevice {
  readonly provider: Provider;
  readonly deviceIndex?: number;
  readonly reason: string;
  readonly threads: number;
  readonly precision: Precision;
  /** See `TrainingDevice`. */
  readonly scan?: boolean | undefined;
}

/** One model in training: its state in typed arrays, which the compiled step reads and writes in place, and what measures it. */
export class TrainingSession {
  readonly evaluator: Evaluator;
  /** What each objective must beat. */
  readonly baselines: Baseline[];
  /** Which checkpoints stay. */
  readonly retention: Retention;
  readonly state: TrainingState;
  readonly #specs: readonly ParameterSpec[];
  #optimisation: Optimisation | undefined;

  /** @throws UserError (code `experiment`) when `keepBest` names no metric */
  constructor(
    readonly setup: Setup,
    private readonly chosen: ChosenDevice,
  ) {
    const { experiment, config, instances, corpus } = setup;
    this.#specs = parametersOf(config, instances);
    this.state = new TrainingState(this.#specs, buffersOf(instances));
    this.evaluator = new Evaluator(config, instances, corpus.dataset, this.state.parameters);
    this.baselines = instances.map(({ baseline }) => baseline(corpus.dataset.heldOut, corpus.dataset.unigramEntropy));
    const { keepCheckpoints, keepBest } = experiment.training;
    this.retention = { newest: keepCheckpoints, best: keepBest === undefined ? undefined : this.#best(keepBest) };
    // A run that goes on is given the state of a checkpoint, or is reset when it has none.
    if (!setup.resumed) this.reset();
  }

  get optimisation(): Optimisation {
    if (!this.#optimisation) throw new Error('The training step is not compiled yet.');
    return this.#optimisation;
  }

  get threads(): number {
    return this.chosen.threads;
  }

  get provider(): Provider {
    return this.chosen.provider;
  }

  get parameterCount(): number {
    return this.#specs.reduce((sum, { shape }) => sum + size(shape), 0);
  }

  /** What it runs on and why, for people. */
  get device(): string {
    const { provider, reason, threads, precision } = this.chosen;
    const cpu = provider === 'cpu' ? `${threads} ${threads === 1 ? 'thread' : 'threads'}` : undefined;
    return [reason, cpu, describePrecision(precision, provider)].filter((part) => part !== undefined).join('; ');
  }

  /** The experiment with every default written out, and what it ran on. @param folder of the experiment, seen from the run's */
  async record(folder: string): Promise<object> {
    const { experiment, config, corpus } = this.setup;
    return {
      ...experiment,
      resolved: {
        folder,
        model: config,
        ...(this.setup.source && { pretrained: this.setup.source.provenance }),
        parameters: this.parameterCount,
        vocabularySize: corpus.tokenizer.vocabularySize,
        corpus: corpus.report,
        prepared: preparedAs(corpus.dataset),
        baselines: this.baselines,
        device: this.chosen.provider,
        threads: this.chosen.threads,
        microBatches: this.setup.recipe.microBatches,
        node: process.version,
        onnxruntime: await runtimeVersion(),
        version: VERSION,
      },
    };
  }

  async compile(): Promise<void> {
    const { config, plan, experiment } = this.setup;
    this.#optimisation = await Optimisation.create(config, plan, experiment.training, this.state, this.chosen);
    await this.evaluator.compile(this.chosen);
  }

  /** The state of step 0: a function of the seed, and of the pre-trained model if there is one. */
  reset(): void {
    const { experiment, config, source } = this.setup;
    for (const spec of this.#specs) initialise(this.state.parameters.get(spec.name)!, spec, experiment.seed, initialiserRange(config));
    source?.place(this.state.parameters);
    for (const { data } of [...this.state.optimiser.values(), ...this.state.buffers.values()]) data.fill(0 as never);
  }

  /** The state of a checkpoint. @throws UserError (code `model`) when it is that of another model */
  restore({ tensors }: SavedState, folder: string): void {
    const { parameters, optimiser, buffers } = this.state;
    for (const [name, { shape, data }] of [...parameters, ...optimiser, ...buffers]) {
      const saved = tensors.get(name);
      if (!saved || !sameShape(saved.shape, shape))
        throw new UserError(
          `The checkpoint ${folder} has ${saved ? `"${name}" of shape [${saved.shape.join(', ')}]` : `no "${name}"`}, and the experiment asks for [${shape.join(', ')}].`,
          "It belongs to another experiment; restore the run's own experiment.json, or start a new run.",
          'model',
        );
      data.set(saved.data as never);
    }
  }

  /** A parameter that is no longer a finite number, if there is one. */
  spoilt(): string | undefined {
    const finite = ({ data }: Tensor): boolean => Number.isFinite((data as Float32Array).reduce((sum, value) => sum + Math.abs(value), 0));
    return [...this.state.parameters].find(([, tensor]) => !finite(tensor))?.[0];
  }

  async release(): Promise<void> {
    await this.#optimisation?.release();
    await this.evaluator.release();
  }

  #best(metric: string): Retention['best'] {
    const losses = this.setup.instances.map(({ type }) => ({ metric: type, better: 'lower' as const }));
    const known = [...losses, ...this.baselines];
    const found = known.find((each) => each.metric === metric);
    if (found) return { metric, better: found.better };
    throw new UserError(
      `training.keepBest is "${metric}", which is not measured.`,
      `Use one of ${[...new Set(known.map((each) => `"${each.metric}"`))].join(', ')}.`,
      'experiment',
    );
  }
}
