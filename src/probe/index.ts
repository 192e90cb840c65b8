import { basename } from 'node:path';
import type { ProbeOptions } from '../experiment/probes';
import type { ProbeResult } from '../shared/probe-types';
import { acceptability } from './acceptability';
import { classification } from './classification';
import { generation } from './generation';
import { pair } from './pair';
import { perplexity } from './perplexity';
import type { Probe, ProbeContext } from './probe';
import { retrieval } from './retrieval';
import { similarity } from './similarity';

/** All kinds of downstream tasks. */
export const probes: readonly Probe[] = [classification, pair, similarity, retrieval, generation, acceptability, perplexity];

/**
 * Measures a model by one task.
 *
 * @throws UserError like {@link Probe.run}
 */
export async function runProbe(options: ProbeOptions, context: ProbeContext): Promise<ProbeResult> {
  const probe = probes.find(({ type }) => type === options.type);
  if (!probe) throw new Error(`There is no probe "${options.type}".`);
  const started = performance.now();
  const measured = await probe.run(options, context);
  const { type, main, better } = probe;
  return { type, name: probeName(options), main, better, ...measured, seconds: (performance.now() - started) / 1000 };
}

/** What a probe is called: as its options say, or its type and its file's name. */
export function probeName(options: ProbeOptions): string {
  const files = 'files' in options ? (options.files ?? []) : [];
  const [file] = ['test', 'train', 'file']
    .flatMap((field) => (options as unknown as Record<string, string | undefined>)[field] ?? [])
    .concat(files);
  return options.name ?? (file === undefined ? options.type : `${options.type} ${basename(file).replace(/\.[^.]*$/, '')}`);
}
