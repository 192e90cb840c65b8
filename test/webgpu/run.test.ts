import { afterEach, expect, it } from 'vitest';
import { Reader } from '../../src/inspect/reader';
import type { Metrics } from '../../src/shared/types';
import { newestCheckpoint } from '../../src/train/checkpoint';
import { resume, train } from '../../src/train/loop';
import { readMetrics } from '../../src/train/run';
import { makeWorkspace } from '../unit/support/workspace';

const workspaces: { remove: () => void }[] = [];
afterEach(() => workspaces.splice(0).forEach(({ remove }) => remove()));

/** An experiment whose batches are small: a GPU in software takes seconds for what a processor does at once. */
function experimentOn(device: 'cpu' | 'webgpu'): string {
  const made = makeWorkspace({
    objectives: [{ type: 'mlm', batchSize: 2, sequenceLength: 16 }],
    training: { steps: 6, device, evaluateEvery: 3, checkpointEvery: 2, learningRate: 0.003 },
  });
  workspaces.push(made);
  return made.experiment;
}

const numbersOf = (run: string): number[] =>
  readMetrics(run, -1, 100).flatMap(({ loss, eval: held }) => [...Object.values(loss ?? {}), ...Object.values(held ?? {})]);

it('a run on WebGPU measures, saves, stops and goes on, and its model is one like any other', async () => {
  const cpu = await train({ experiment: experimentOn('cpu') });
  const stop = new AbortController();
  const metrics = ({ step }: Metrics): void => {
    if (step === 3) stop.abort();
  };
  const stopped = await train({ experiment: experimentOn('webgpu'), signal: stop.signal, events: { metrics } });
  expect(stopped).toMatchObject({ reason: 'stopped', steps: 3 });
  const done = await resume({ run: stopped.run });
  expect(done).toMatchObject({ reason: 'completed', steps: 6 });

  const [expected, found] = [numbersOf(cpu.run), numbersOf(done.run)];
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
  // Weights that are not brought back from the GPU would be those of the beginning.
  const [a, b] = [cpu.run, done.run].map((run) => newestCheckpoint(run).parameters);
  for (const [name, { data }] of a!) {
    const other = b!.get(name)!.data as Float32Array;
    const apart = (data as Float32Array).reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
    if (!name.endsWith('key.bias')) expect(apart, name).toBeLessThan(1e-4);
  }
  const reader = new Reader(done.run);
  expect((await reader.surprisal('The whale passed our ship.', true)).length).toBeGreaterThan(4);
});
