import type { Combination } from '../../../src/experiment/sections';
import type { ModelConfig } from '../../../src/model/config';
import { initialise, initialiserRange } from '../../../src/model/parameters';
import type { Instance } from '../../../src/objectives';
import { hash32 } from '../../../src/shared/random';
import type { Split } from '../../../src/text/dataset';
import { buffersOf, parametersOf } from '../../../src/train/compile';
import { batchesOf } from '../../../src/train/feeder-protocol';
import { Optimisation } from '../../../src/train/optimisation';
import { Plan } from '../../../src/train/plan';
import { TrainingState } from '../../../src/train/state';
import { create, randomDocuments, splitOf, tinyModel } from '../objectives/fixtures';

/** A model without dropout: its gradients are functions of the batch alone. */
export const still: ModelConfig = { ...tinyModel, dropout: 0, attentionDropout: 0 };

/** 240 sentences, all different. */
export const text: Split = splitOf(
  randomDocuments(
    8,
    () => 30,
    (key) => 5 + (key % 6),
  ),
);

export const optimiser = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, gradientClip: 0.5 };

/** The options of an objective, defaults left out. */
export interface Objective {
  readonly type: string;
  readonly [option: string]: unknown;
}

interface Options {
  readonly config?: ModelConfig;
  readonly combination?: Combination;
  readonly steps?: number;
  readonly split?: Split;
  /** Whether AdamW is part of the graph, as on other devices than the CPU. */
  readonly inGraph?: boolean;
}

/** Objectives in training on a text in memory, a step at a time. */
export class SmallTraining {
  private constructor(
    readonly config: ModelConfig,
    readonly plan: Plan,
    readonly state: TrainingState,
    private readonly optimisation: Optimisation,
    private readonly split: Split,
  ) {}

  static async start(
    objectives: readonly Objective[],
    { config = still, combination = { kind: 'sum' }, steps = 10, split = text, inGraph = false }: Options = {},
  ): Promise<SmallTraining> {
    const types = objectives.map(({ type }) => type);
    const instances = objectives.map((options): Instance => create(options, { config, steps, types }));
    const specs = parametersOf(config, instances);
    const state = new TrainingState(specs, buffersOf(instances));
    for (const spec of specs) initialise(state.parameters.get(spec.name)!, spec, 3, initialiserRange(config));
    if (inGraph) state.gradients.clear();
    const plan = new Plan(instances, combination, steps);
    return new SmallTraining(config, plan, state, await Optimisation.create(config, plan, optimiser, state, {}), split);
  }

  /** Does step `step` (from 0); without a learning rate the parameters stay as they are. */
  step(step: number, learningRate = 0, key = hash32(9, step)): Promise<ReadonlyMap<string, number>> {
    return this.optimisation.step(this.plan.at(step), batchesOf(this.plan, this.split, step), key, learningRate);
  }

  /** Names of the parameters that a step trains. */
  trainedAt(step: number): string[] {
    const set = this.plan.at(step).map(({ instance }) => instance);
    return parametersOf(this.config, set).map(({ name }) => name);
  }

  release(): Promise<void> {
    return this.optimisation.release();
  }
}

/** The numbers of some tensors as they are now. */
export const snapshot = (tensors: ReadonlyMap<string, { readonly data: unknown }>): Map<string, Float32Array> =>
  new Map([...tensors].map(([name, { data }]) => [name, (data as Float32Array).slice()]));
