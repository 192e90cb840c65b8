import { spawnSync } from 'node:child_process';
import type { Preset } from '../experiment/model';
import { measureRow, type Row, type RowOptions } from '../bench/row';
import { UserError } from '../shared/errors';
import { grid } from './text';

export interface BenchOptions {
  readonly preset: readonly Preset[];
  readonly threads: number;
  readonly seconds: number;
  readonly dropout: number;
  readonly json?: boolean;
  /** What a child process measures, as JSON. */
  readonly row?: string;
}

/**
 * Times training steps against the matrix products that they are made of. Each row is measured in a process of its own: this program again, with
 * `--row`. As JSON, a row's `efficiency` is `gflops` by its own `sgemmGflops`, measured in turns with it; the one beside the rows is the best of them.
 */
export async function benchCommand({ preset, json, row, ...options }: BenchOptions): Promise<void> {
  if (row !== undefined) {
    process.stdout.write(`${JSON.stringify(await measureRow(JSON.parse(row) as RowOptions))}\n`);
    return;
  }
  const rows: Row[] = [];
  for (const name of preset) {
    for (const objectives of [['mlm'], ['mlm', 'contrastive']] as const) {
      if (!json) process.stderr.write(`Measuring ${name}, ${objectives.join('+')} …\n`);
      rows.push(measureApart({ preset: name, objectives, ...options }));
    }
  }
  const sgemmGflops = Math.max(...rows.map((each) => each.sgemmGflops));
  process.stdout.write(
    json ? `${JSON.stringify({ sgemmGflops, rows })}\n` : `${table(rows)}\n\n${operatorTable(rows)}\n\n${graphTable(rows)}\n`,
  );
}

function measureApart(row: RowOptions): Row {
  const { status, stdout, stderr } = spawnSync(process.execPath, [process.argv[1]!, 'bench', '--row', JSON.stringify(row)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new UserError(`The benchmark of "${row.preset}" failed: ${stderr.trim()}`, 'Try a smaller preset.', 'bench');
  return JSON.parse(stdout) as Row;
}

function table(rows: readonly Row[]): string {
  return grid([
    ['', '', '', '', '', '', 'by the formula', '', 'executed', '', ''],
    ['preset', 'objectives', 'threads', 'ms/step', 'tokens/s', 'SGEMM', 'GFLOP/s', 'efficiency', 'GFLOP/s', 'efficiency', 'peak MB'],
    ...rows.map((row) => [
      row.preset,
      row.objectives,
      String(row.threads),
      row.millisecondsPerStep.toFixed(1),
      Math.round(row.tokensPerSecond).toLocaleString('en'),
      row.sgemmGflops.toFixed(1),
      row.gflops.toFixed(1),
      row.efficiency.toFixed(2),
      row.executedGflops.toFixed(1),
      row.executedEfficiency.toFixed(2),
      row.peakMemoryMB.toFixed(0),
    ]),
  ]);
}

/** Kinds of operators that take less than this anywhere are summed up. */
const SMALLEST_SHARE = 0.01;

function operatorTable(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap(({ operators }) => Object.keys(operators)))].filter((name) =>
    rows.some(({ operators }) => (operators[name] ?? 0) >= SMALLEST_SHARE),
  );
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return grid([
    ['time by operator', ...rows.map(({ preset, objectives }) => `${preset} ${objectives}`)],
    ...names.map((name) => [name, ...rows.map(({ operators }) => percent(operators[name] ?? 0))]),
    ['the rest', ...rows.map(({ operators }) => percent(1 - names.reduce((sum, name) => sum + (operators[name] ?? 0), 0)))],
  ]);
}

const graphTable = (rows: readonly Row[]): string =>
  grid([
    ['making the step', ...rows.map(({ preset, objectives }) => `${preset} ${objectives}`)],
    ['nodes', ...rows.map(({ nodes }) => String(nodes))],
    ['graph, seconds', ...rows.map(({ graphSeconds }) => graphSeconds.toFixed(2))],
    ['session, seconds', ...rows.map(({ sessionSeconds }) => sessionSeconds.toFixed(2))],
  ]);
