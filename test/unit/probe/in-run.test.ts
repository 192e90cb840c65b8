import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runProbes } from '../../../src/probe/in-run';
import type { Metrics } from '../../../src/shared/types';
import { resume, train } from '../../../src/train/loop';
import { readMetrics, readProbes, summarise } from '../../../src/train/run';
import { makeWorkspace } from '../support/workspace';

const spaces: { remove: () => void }[] = [];
afterEach(() => spaces.splice(0).forEach((space) => space.remove()));

/** A workspace whose experiment has a probe, and one that cannot be run. */
function probed(training: object): ReturnType<typeof makeWorkspace> {
  const space = makeWorkspace({
    training: { steps: 12, device: 'cpu', threads: 1, evaluateEvery: 6, checkpointEvery: 5, learningRate: 0.003, ...training },
    probes: [
      { type: 'classification', name: 'kinds', train: 'kinds.jsonl', examples: 20 },
      { type: 'similarity', name: 'gone', file: 'gone.csv' },
    ],
  });
  spaces.push(space);
  const rows = Array.from({ length: 60 }, (_, i) => ({
    text: `${i % 2 ? 'A gull' : 'Our ship'} passed ${i}.`,
    label: i % 2 ? 'bird' : 'ship',
  }));
  writeFileSync(join(space.folder, 'kinds.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return space;
}
const withProbes = (run: string): Metrics[] => readMetrics(run, -1, 1000).filter((line) => line.probes);

describe('probes in a run', () => {
  it('are run every so many steps and at the end; one that cannot be run is warned of', async () => {
    const warnings: string[] = [];
    const { experiment } = probed({ probeEvery: 6 });
    const done = await train({ experiment, probe: runProbes, events: { warning: (message) => warnings.push(message) } });
    expect(withProbes(done.run).map(({ step, probes }) => [step, Object.keys(probes!)])).toEqual([
      [6, ['kinds: accuracy']],
      [12, ['kinds: accuracy']],
    ]);
    expect(readProbes(done.run).map(({ step }) => step)).toEqual([6, 12]);
    expect(done.probes!.map(({ name, examples }) => [name, examples <= 20])).toEqual([['kinds', true]]);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/The probe gone was left out: .*gone\.csv does not exist/);
  });

  it('change nothing of the run, and a run that stopped before them does them when it goes on', async () => {
    const { experiment } = probed({ probeEvery: 6 });
    const plain = await train({ experiment });
    const stop = new AbortController();
    const stopped = await train({
      experiment,
      signal: stop.signal,
      probe: (...given) => {
        stop.abort();
        return runProbes(...given);
      },
    });
    expect(stopped).toMatchObject({ reason: 'stopped', steps: 6 });
    expect(readProbes(stopped.run)).toEqual([]);
    const resumed = await resume({ run: stopped.run, probe: runProbes });
    expect(readProbes(resumed.run).map(({ step }) => step)).toEqual([6, 12]);
    expect(resumed.eval).toEqual(plain.eval);
    const weights = (run: string): Buffer => readFileSync(join(run, 'checkpoints/step-00000012/model.safetensors'));
    expect(weights(resumed.run).equals(weights(plain.run))).toBe(true);
  });

  it('are part of the run: one that stops between its last step and them is not completed', async () => {
    const { experiment } = probed({});
    const stop = new AbortController();
    const { run } = await train({
      experiment,
      signal: stop.signal,
      probe: () => {
        stop.abort();
        return Promise.resolve(undefined);
      },
    });
    expect(summarise(run)).toMatchObject({ state: 'stopped', step: 12 });
    expect((await resume({ run, probe: runProbes })).probes).toHaveLength(1);
    expect(summarise(run)).toMatchObject({ state: 'completed' });
  });
});
