import { dirname, join, resolve } from 'node:path';
import { comparisonFolder, isPlanned } from '../compare/plan';
import { loadComparison } from '../compare/load';
import { runComparison } from '../compare/run';
import { ProbeOptions } from '../experiment/probes';
import { runBehind, type OpenedModel } from '../inspect/model';
import { runProbe } from '../probe';
import type { ComparedMember, ComparisonReport } from '../shared/comparison-types';
import type { ProbeResult } from '../shared/probe-types';
import type { TableView } from '../shared/views';
import type { ProbeInput } from './api';
import { check } from './arguments';
import { shownAs } from './display';
import type { Surroundings } from './lab';
import { tableOf } from './views';

/** Measures a model by downstream tasks. @throws UserError (code `argument`) that names what is wrong with one */
export async function probeModel(
  model: OpenedModel,
  given: ProbeInput | readonly ProbeInput[],
  { folder, signal }: Surroundings,
): Promise<readonly ProbeResult[]> {
  const results: ProbeResult[] = [];
  for (const each of [given].flat()) {
    const probe = check('lab.probe()', ProbeOptions, each);
    results.push(await runProbe(probe, { model, run: runBehind(model.folder), folder, signal: signal() }));
  }
  return shownAs(results, () => resultsView(results));
}

const resultsView = (results: readonly ProbeResult[]): TableView =>
  tableOf(
    results.flatMap(({ name, metrics, examples }) =>
      Object.entries(metrics).map(([metric, { value, low, high }]) => ({
        probe: name,
        metric,
        value: rounded(value),
        '95 % interval': `${rounded(low)} to ${rounded(high)}`,
        examples,
      })),
    ),
  );

/** The display of a comparison's members, replaced as they go. */
const MEMBERS = 'comparison';

/** Runs a comparison, or goes on with one that has begun; the members are processes of the command line beside this kernel. */
export async function compareFile(path: string, { folder, signal, display }: Surroundings): Promise<ComparisonReport> {
  const file = resolve(folder, path);
  const members = new Map<string, ComparedMember>();
  const report = await runComparison(file, {
    resume: isPlanned(comparisonFolder(loadComparison(file))),
    cli: [process.execPath, join(dirname(process.argv[1]!), 'cli.js')],
    signal: signal() ?? new AbortController().signal,
    events: {
      member: (member) => {
        members.set(member.id, member);
        const rows = [...members.values()].map(({ variant, seed, state, step, message }) => ({ variant, seed, state, step, message }));
        display(
          shownAs({}, () => tableOf(rows)),
          `${MEMBERS} ${file}`,
        );
      },
    },
  });
  return shownAs(report, () => reportView(report));
}

/** Variant × probe with the mean and its interval over seeds. */
const reportView = ({ variants, probes, cells }: ComparisonReport): TableView =>
  tableOf(
    variants.map(({ name }) => ({
      variant: name,
      ...Object.fromEntries(
        probes.map((probe) => {
          const result = cells.find((cell) => cell.variant === name && cell.probe === probe.name)?.result;
          return [`${probe.name} (${probe.metric})`, result && `${rounded(result.mean)} [${rounded(result.low)}, ${rounded(result.high)}]`];
        }),
      ),
    })),
  );

const rounded = (value: number): number => Number(value.toPrecision(3));
