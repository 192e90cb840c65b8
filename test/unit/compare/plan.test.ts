import { expect, it } from 'vitest';
import { measurements } from '../../../src/compare/plan';
import type { LoadedExperiment } from '../../../src/train/experiment';
import { ExperimentSchema } from '../../../src/train/experiment';

it('steps that are the same work are measured once, so that equal seconds buy equal steps', async () => {
  let count = 0;
  const measure = measurements(() => Promise.resolve(new Map([['mlm', ++count]])));
  const secondsOf = async (training: object, model: object = {}): Promise<number> => {
    const experiment = ExperimentSchema.parse({
      name: `variant ${count}`,
      corpus: { include: ['*.md'] },
      model,
      objectives: [{ type: 'mlm' }],
      training,
    });
    const loaded = { experiment, name: '', root: '', folder: '' } as LoadedExperiment;
    return (await measure(loaded, () => undefined)).get('mlm')!;
  };
  expect(await secondsOf({ learningRate: 0.001 })).toBe(1);
  expect(await secondsOf({ learningRate: 0.01, warmup: 0.5, schedule: 'constant', weightDecay: 0 })).toBe(1);
  expect(await secondsOf({ threads: 7 })).toBe(2);
  expect(await secondsOf({}, { preset: 'mini' })).toBe(3);
});
