import { describe, expect, it } from 'vitest';
import type { Combination } from '../../../src/experiment/sections';
import { tensor } from '../../../src/onnx/types';
import { hash32 } from '../../../src/shared/random';
import { feedsOf, STEP_KEY, trainingLosses } from '../../../src/train/compile';
import { TrainingState } from '../../../src/train/state';
import { createStepper } from '../../../src/train/stepper';
import { gradientName, momentName } from '../../../src/train/step';
import { tinyModel } from '../objectives/fixtures';
import { optimiser, SmallTraining, snapshot, text, type Objective } from './small-training';

const mlm = { type: 'mlm', batchSize: 4, sequenceLength: 16 };
const contrastive = {
  type: 'contrastive',
  batchSize: 6,
  sequenceLength: 12,
  positives: 'adjacent',
  projection: 'mlp',
  weight: 0.5,
  queue: 8,
};
const LEARNING_RATE = 0.01;

const MLM_HEAD = 'cls.predictions.transform.dense.weight';
const PROJECTION = 'contrastive.projection.0.weight';
const ENCODER = 'bert.encoder.layer.0.output.dense.weight';

const alternate: Combination = { kind: 'alternate', ratio: { mlm: 2, contrastive: 1 } };
const phases: Combination = {
  kind: 'phases',
  phases: [
    { objectives: ['mlm'], share: 0.4 },
    { objectives: ['contrastive'], share: 0.2 },
    { objectives: ['mlm', 'contrastive'], share: 0.4 },
  ],
};

/** `torch.optim.AdamW` for one parameter, written out: what has no gradient in a step is passed over, and not counted. */
class PlainAdamW {
  #t = 0;
  readonly #m: Float64Array;
  readonly #v: Float64Array;

  constructor(
    readonly values: Float64Array,
    private readonly weightDecay: number,
  ) {
    this.#m = new Float64Array(values.length);
    this.#v = new Float64Array(values.length);
  }

  step(gradient: Float32Array, clip: number): void {
    const { beta1, beta2, epsilon } = optimiser;
    this.#t++;
    for (let i = 0; i < gradient.length; i++) {
      const g = gradient[i]! * clip;
      this.values[i]! *= 1 - LEARNING_RATE * this.weightDecay;
      this.#m[i] = beta1 * this.#m[i]! + (1 - beta1) * g;
      this.#v[i] = beta2 * this.#v[i]! + (1 - beta2) * g * g;
      const [m, v] = [this.#m[i]! / (1 - beta1 ** this.#t), this.#v[i]! / (1 - beta2 ** this.#t)];
      this.values[i]! -= (LEARNING_RATE * m) / (Math.sqrt(v) + epsilon);
    }
  }
}

describe('parameters that not every step trains', () => {
  it.each([
    ['in turn', alternate],
    ['in phases', phases],
  ])('are updated as PyTorch updates them, each by its own count: %s', async (_, combination) => {
    const training = await SmallTraining.start([mlm, contrastive], { combination });
    const { state, plan } = training;
    const decays = new Map(trainingLosses(training.config, plan.instances).specs.map((spec) => [spec.name, spec.decays]));
    const plain = new Map(
      [...state.parameters].map(([name, { data }]) => [
        name,
        new PlainAdamW(Float64Array.from(data as Float32Array), decays.get(name) ? optimiser.weightDecay : 0),
      ]),
    );
    let clipped = 0;
    for (let step = 0; step < 10; step++) {
      const norm = (await training.step(step, LEARNING_RATE)).get('gradientNorm')!;
      const clip = Math.min(1, optimiser.gradientClip / (norm + 1e-6));
      if (clip < 1) clipped++;
      for (const name of training.trainedAt(step))
        plain.get(name)!.step(state.gradients.get(gradientName(name))!.data as Float32Array, clip);
    }
    expect(clipped).toBeGreaterThan(0);
    for (const [name, { data }] of state.parameters)
      plain
        .get(name)!
        .values.forEach((value, i) => expect(Math.abs((data as Float32Array)[i]! - value), `${name}[${i}]`).toBeLessThan(2e-6));
    await training.release();
  });

  it('rest with their moments', async () => {
    const training = await SmallTraining.start([mlm, contrastive], { combination: alternate });
    const { state, plan } = training;
    const changed = async (step: number): Promise<string[]> => {
      const [parameters, moments] = [snapshot(state.parameters), snapshot(state.optimiser)];
      await training.step(step, LEARNING_RATE);
      const same = (before: Float32Array, after: unknown): boolean =>
        before.every((value, i) => Object.is(value, (after as Float32Array)[i]));
      return [MLM_HEAD, PROJECTION, ENCODER].filter((name) => {
        const still = (['m', 'v'] as const)
          .map((moment) => momentName(moment, name))
          .filter((key) => same(moments.get(key)!, state.optimiser.get(key)!.data));
        const resting = same(parameters.get(name)!, state.parameters.get(name)!.data);
        expect(still).toHaveLength(resting ? 2 : 0);
        return !resting;
      });
    };
    for (let step = 0; step < 6; step++)
      expect(await changed(step)).toEqual(plan.at(step)[0]!.instance.type === 'mlm' ? [MLM_HEAD, ENCODER] : [PROJECTION, ENCODER]);
    await training.release();
  });

  it.each([
    ['in turn', alternate],
    ['in phases', phases],
  ])('come out to the same bits with AdamW in the graph: %s', async (_, combination) => {
    const [outside, inside] = [
      await SmallTraining.start([mlm, contrastive], { combination, config: tinyModel }),
      await SmallTraining.start([mlm, contrastive], { combination, config: tinyModel, inGraph: true }),
    ];
    for (let step = 0; step < 10; step++) {
      const [a, b] = [await outside.step(step, LEARNING_RATE), await inside.step(step, LEARNING_RATE)];
      expect([...a].sort()).toEqual([...b].sort());
    }
    for (const part of ['parameters', 'optimiser', 'buffers'] as const)
      expect(snapshot(outside.state[part])).toEqual(snapshot(inside.state[part]));
    await outside.release();
    await inside.release();
  });
});

describe('a sum of objectives', () => {
  const alone = async (objective: Objective): Promise<{ norm: number; loss: number; gradients: Map<string, Float32Array> }> => {
    const training = await SmallTraining.start([objective], { config: tinyModel });
    const scalars = await training.step(0);
    await training.release();
    return { norm: scalars.get('gradientNorm')!, loss: scalars.get('loss:total')!, gradients: snapshot(training.state.gradients) };
  };

  it.each([
    ['at once', contrastive],
    ['with a gradient cache', { ...contrastive, gradientCache: 3 }],
  ])('reports for each the norm of its weighted gradient, and follows their sum: %s', async (_, second) => {
    const config = { ...tinyModel };
    const training = await SmallTraining.start([mlm, second], { config });
    const scalars = await training.step(0);
    const parts = [await alone(mlm), await alone(second)];
    ['mlm', 'contrastive'].forEach((name, i) => expect(scalars.get(`gradientNorm:${name}`)! / parts[i]!.norm, name).toBeCloseTo(1, 5));
    expect(scalars.get('loss:total')).toBeCloseTo(parts[0]!.loss + parts[1]!.loss, 5);
    let squares = 0;
    for (const [name, { data }] of training.state.gradients) {
      const sum = Float64Array.from(data as Float32Array, (__, i) =>
        parts.reduce((all, { gradients }) => all + (gradients.get(name)?.[i] ?? 0), 0),
      );
      sum.forEach((value, i) => expect((data as Float32Array)[i], `${name}[${i}]`).toBeCloseTo(value, 5));
      squares += sum.reduce((all, value) => all + value * value, 0);
    }
    expect(scalars.get('gradientNorm')! / Math.sqrt(squares)).toBeCloseTo(1, 5);
    await training.release();
  });

  it('multiplies each loss by its weight of the step, also one that moves', async () => {
    const training = await SmallTraining.start([{ ...mlm, weight: { from: 2, to: 0 } }, contrastive], { steps: 5 });
    for (const [step, weight] of [2, 1.5, 1, 0.5, 0].entries()) {
      const scalars = await training.step(step);
      expect(scalars.get('loss:total')).toBeCloseTo(weight * scalars.get('loss:mlm')! + 0.5 * scalars.get('loss:contrastive')!, 5);
      if (weight === 0) expect(scalars.get('gradientNorm:mlm')).toBe(0);
    }
    await training.release();
  });

  it('of one is a step of that one, however it is combined', async () => {
    const combinations: Combination[] = [
      { kind: 'sum' },
      { kind: 'alternate', ratio: { mlm: 3 } },
      { kind: 'phases', phases: [0.5, 0.5].map((share) => ({ objectives: ['mlm'], share })) },
    ];
    const trained: Map<string, Float32Array>[] = [];
    for (const combination of combinations) {
      const training = await SmallTraining.start([mlm], { combination, config: tinyModel });
      for (let step = 0; step < 5; step++)
        expect([...(await training.step(step, LEARNING_RATE)).keys()]).toEqual(['loss:mlm', 'loss:total', 'gradientNorm']);
      trained.push(snapshot(training.state.parameters));
      await training.release();
    }
    const { plan, config, state: start } = await SmallTraining.start([mlm], { config: tinyModel });
    const [instance] = plan.instances;
    const losses = trainingLosses(config, [instance!]);
    const state = new TrainingState(losses.specs);
    for (const [name, { data }] of start.parameters) (state.parameters.get(name)!.data as Float32Array).set(data as Float32Array);
    const stepper = await createStepper(losses, optimiser, state, {});
    for (let step = 0; step < 5; step++) {
      const feeds = new Map([...feedsOf('mlm', instance!.batch(text, step)), [STEP_KEY, tensor('uint32', [], [hash32(9, step)])] as const]);
      await stepper.steps([{ feeds, t: [step + 1], learningRate: LEARNING_RATE }]);
    }
    await stepper.release();
    for (const parameters of trained) expect(parameters).toEqual(snapshot(state.parameters));
  });
});

describe('a queue of earlier embeddings', () => {
  const width = tinyModel.hiddenSize;
  const batch = 4;
  const size = 10;
  const queued = { type: 'contrastive', batchSize: batch, sequenceLength: 12, positives: 'adjacent', queue: size };

  it('is carried from step to step: the newest first, the oldest pushed out', async () => {
    const training = await SmallTraining.start([queued]);
    const queue = training.state.buffers.get('contrastive:queue')!;
    const rows = (): string[] =>
      Array.from({ length: size }, (_, i) => (queue.data as Float32Array).slice(i * width, (i + 1) * width).join());
    const empty = rows();
    expect(new Set(empty)).toEqual(new Set([new Float32Array(width).join()]));
    let before = empty;
    for (let step = 0; step < 4; step++) {
      await training.step(step, LEARNING_RATE);
      const after = rows();
      expect(after.slice(batch)).toEqual(before.slice(0, size - batch));
      expect(new Set([...after.slice(0, batch), ...before]).size).toBe(batch + new Set(before).size);
      before = after;
    }
    await training.release();
  });

  it('keeps the newest of a batch larger than itself', async () => {
    const training = await SmallTraining.start([{ ...queued, queue: 3 }]);
    const [short, long] = [training, await SmallTraining.start([queued])];
    for (const each of [short, long]) await each.step(0);
    const of = ({ state }: SmallTraining): Float32Array => state.buffers.get('contrastive:queue')!.data as Float32Array;
    expect(of(short)).toEqual(of(long).slice(0, 3 * width));
    await short.release();
    await long.release();
  });

  it('counts among the negatives: the loss with a full queue is higher than without', async () => {
    const training = await SmallTraining.start([queued]);
    const first = (await training.step(0)).get('loss:contrastive')!;
    for (let step = 1; step < 4; step++) await training.step(step);
    expect((await training.step(0)).get('loss:contrastive')).toBeGreaterThan(first);
    await training.release();
  });
});
