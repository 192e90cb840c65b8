import { openModel } from '../inspect/model';
import { UserError } from '../shared/errors';
import type { ProbeResult } from '../shared/probe-types';
import type { RunProbes } from '../train/steps';
import { probeName, runProbe } from '.';

/** The downstream tasks of an experiment on a run that is going on. What a probe cannot do costs its numbers, never the run. */
export const runProbes: RunProbes = async (probes, { run, folder, threads, signal, warn, onProgress }) => {
  const results: ProbeResult[] = [];
  for (const options of probes) {
    const name = probeName(options);
    onProgress(`Probe ${name}`);
    try {
      results.push(await runProbe(options, { model: openModel(run), run, folder, threads, signal, onProgress }));
    } catch (error) {
      if (signal?.aborted) return undefined;
      if (!(error instanceof UserError)) throw error;
      warn(`The probe ${name} was left out: ${error.message}`);
    }
  }
  return results;
};
