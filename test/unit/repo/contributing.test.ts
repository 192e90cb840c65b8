import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initialise, initialiserRange } from '../../../src/model/parameters';
import { parametersOf } from '../../../src/train/compile';
import { Evaluator } from '../../../src/train/evaluate';
import { loadExperiment } from '../../../src/train/experiment';
import { Optimisation } from '../../../src/train/optimisation';
import { Plan } from '../../../src/train/plan';
import { learningRateAt } from '../../../src/train/schedule';
import { setUp, type Setup } from '../../../src/train/setup';
import { TrainingState } from '../../../src/train/state';
import { vocabularyOf } from '../../../src/text/vocabulary';
import { makeWorkspace } from '../support/workspace';
import { random } from './random';

const EXAMPLE = 'test/unit/repo/random.ts';

describe('the worked example of CONTRIBUTING', () => {
  let workspace: ReturnType<typeof makeWorkspace>;
  let setup: Setup;

  beforeAll(async () => {
    workspace = makeWorkspace({
      training: { steps: 200, learningRate: 0.003 },
      model: { layers: 2, hiddenSize: 64, attentionHeads: 2, dropout: 0 },
    });
    setup = await setUp(loadExperiment(workspace.experiment), () => undefined);
  });
  afterAll(() => {
    setup.corpus.dataset.close();
    workspace.remove();
  });

  it('is a file that is compiled, with the imports of one in src/objectives', () => {
    const [, shown] = /```ts\n(.*?)```/s.exec(readFileSync('CONTRIBUTING.md', 'utf8'))!;
    const file = readFileSync(EXAMPLE, 'utf8');
    expect(shown).toBe(file.replaceAll("'../../../src/objectives/", "'./").replaceAll("'../../../src/", "'../"));
    expect(file.trimEnd().split('\n').length).toBeLessThan(80);
  });

  it('learns: its held-out loss falls far below its baseline', async () => {
    const { config, experiment, recipe, corpus } = setup;
    const { steps, gradientClip, beta1, beta2, epsilon, weightDecay } = experiment.training;
    const options = random.options.parse({ type: 'random', sequenceLength: 32 });
    const context = { config, vocabulary: vocabularyOf(recipe.vocabulary), tokens: [], seed: 1, steps, types: ['random'] };
    const instance = random.create(options, context);
    instance.check(corpus.dataset.train, corpus.dataset.heldOut);

    const specs = parametersOf(config, [instance]);
    const state = new TrainingState(specs);
    for (const spec of specs) initialise(state.parameters.get(spec.name)!, spec, 1, initialiserRange(config));
    const evaluator = new Evaluator(config, [instance], corpus.dataset, state.parameters);
    await evaluator.compile({});
    const plan = new Plan([instance], { kind: 'sum' }, steps);
    const optimisation = await Optimisation.create(config, plan, { gradientClip, beta1, beta2, epsilon, weightDecay }, state, {});

    const baseline = instance.baseline(corpus.dataset.heldOut, 0);
    const before = (await evaluator.evaluate())![baseline.metric]!;
    for (let step = 0; step < steps; step++)
      await optimisation.steps([
        {
          parts: plan.at(step),
          batches: [instance.batch(corpus.dataset.train, step)],
          key: step,
          learningRate: learningRateAt(step, experiment.training),
        },
      ]);
    const after = (await evaluator.evaluate())![baseline.metric]!;
    await optimisation.release();
    await evaluator.release();
    // A model that has learned nothing gives both answers alike.
    expect(before).toBeCloseTo(Math.LN2, 1);
    expect(after).toBeLessThan(baseline.value / 2);
  });
});
