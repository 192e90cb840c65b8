import { expect } from 'vitest';
import type { Combination } from '../../../src/experiment/sections';
import type { ModelConfig } from '../../../src/model/config';
import { initialise, initialiserRange } from '../../../src/model/parameters';
import type { Instance } from '../../../src/objectives';
import { hash32 } from '../../../src/shared/random';
import type { Split } from '../../../src/text/dataset';
import { buffersOf, parametersOf } from '../../../src/train/compile';
import { batchesOf } from '../../../src/train/feeder-protocol';
import { Optimisation, type Step } from '../../../src/train/optimisation';
import { Plan } from '../../../src/train/plan';
import { TrainingState } from '../../../src/train/state';
import type { Scalars, TrainingDevice } from '../../../src/train/stepper';
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
  readonly device?: TrainingDevice;
  /** Parts that batches are computed in. */
  readonly microBatches?: number;
  readonly recompute?: boolean;
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
    {
      config = still,
      combination = { kind: 'sum' },
      steps = 10,
      split = text,
      inGraph = false,
      device = {},
      microBatches = 1,
      recompute = false,
    }: Options = {},
  ): Promise<SmallTraining> {
    const types = objectives.map(({ type }) => type);
    const instances = objectives
      .map((options): Instance => create(options, { config, steps, types }))
      .map((instance) => (microBatches > 1 ? instance.division!.into(microBatches) : instance));
    const specs = parametersOf(config, instances);
    const state = new TrainingState(specs, buffersOf(instances));
    for (const spec of specs) initialise(state.parameters.get(spec.name)!, spec, 3, initialiserRange(config));
    if (inGraph) state.gradients.clear();
    const plan = new Plan(instances, combination, steps);
    const optimisation = await Optimisation.create(config, plan, { ...optimiser, recompute }, state, device);
    return new SmallTraining(config, plan, state, optimisation, split);
  }

  /** Does step `step` (from 0); without a learning rate the parameters stay as they are. */
  async step(step: number, learningRate = 0, key = hash32(9, step)): Promise<Scalars> {
    return (await this.steps([step], learningRate, key))[0]!;
  }

  /** Does steps at once, which train the same objectives. */
  steps(steps: readonly number[], learningRate = 0, key?: number): Promise<Scalars[]> {
    const input = (step: number): Step => ({
      parts: this.plan.at(step),
      batches: batchesOf(this.plan, this.split, step),
      key: key ?? hash32(9, step),
      learningRate,
    });
    return this.optimisation.steps(steps.map(input));
  }

  /** Brings the state back from the device. */
  download(): Promise<void> {
    return this.optimisation.download();
  }

  /** Names of the parameters that a step trains. */
  trainedAt(step: number): string[] {
    const set = this.plan.at(step).map(({ instance }) => instance);
    return parametersOf(this.config, set).map(({ name }) => name);
  }

  get notices(): ReadonlySet<string> {
    return this.optimisation.notices;
  }

  release(): Promise<void> {
    return this.optimisation.release();
  }
}

/** What a step gives. */
export interface Measured {
  readonly scalars: ReadonlyMap<string, number>;
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly buffers: ReadonlyMap<string, Float32Array>;
}

/** What steps 0, 1, … from the same parameters give. */
export async function measureSteps(training: SmallTraining, steps = 1): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (let step = 0; step < steps; step++) {
    const scalars = await training.step(step);
    measured.push({ scalars, gradients: snapshot(training.state.gradients), buffers: snapshot(training.state.buffers) });
  }
  await training.release();
  return measured;
}

/** Sums of rounded numbers in another order differ in the last places: scalars by 1e-5 of themselves, gradients by 1e-5 of the largest. */
export function expectEqual(actual: Measured, expected: Measured): void {
  expect([...actual.scalars.keys()].sort()).toEqual([...expected.scalars.keys()].sort());
  for (const [name, value] of expected.scalars) expect(Math.abs(actual.scalars.get(name)! / value - 1), name).toBeLessThan(1e-5);
  const largest = (values: Iterable<Float32Array>): number => Math.max(...[...values].map((data) => Math.max(...data.map(Math.abs))));
  for (const part of ['gradients', 'buffers'] as const) {
    const bound = 1e-5 * largest(expected[part].values());
    for (const [name, data] of expected[part]) {
      const other = actual[part].get(name)!;
      data.forEach((value, i) => expect(Math.abs(other[i]! - value), `${name}[${i}]`).toBeLessThanOrEqual(bound));
    }
  }
}

/** The numbers of some tensors as they are now. */
export const snapshot = (tensors: ReadonlyMap<string, { readonly data: unknown }>): Map<string, Float32Array> =>
  new Map([...tensors].map(([name, { data }]) => [name, (data as Float32Array).slice()]));
