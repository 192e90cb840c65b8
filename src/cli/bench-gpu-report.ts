import type { GpuResult, SpeedRow } from '../bench/gpu/result';
import { PEAK_SOURCE } from '../bench/gpu/cards';
import { DOCTOR } from '../bench/gpu/plan';
import { LONGEST_SECONDS } from '../bench/gpu/summary';
import { machineText, type Diagnosis } from '../shared/machine';
import { Precision } from '../shared/types';
import { grid, pageWidth, wrapped } from './text';

/** How the numbers are computed. */
export const FORMULAS = {
  flops: '6·tokens·12·L·H² + 12·L·tokens·T·H for the layers, 6·masked·(H·V + H²) for the head; a step, forward and backward',
  mfu: 'flops / (seconds of a step · peak), transfers included',
  transfer: `a run of K steps takes a + b·K (least squares of the relative errors over the sweep); a is paid once a run; share = a / (a + b·K), at the largest K whose run takes at most ${LONGEST_SECONDS} s`,
  bytes: 'parameters and two moments, 4 bytes each, to the device and back, once a run; batch and scalars of each step',
  difference: 'the largest |loss − reference| / reference: of our steps against the processor, of the first steps of PyTorch against ours',
  roofline: "every node of the graph a kernel: the longer of its FLOP / peak and its bytes / the memory's rate, summed",
  peak: PEAK_SOURCE,
} as const;

/** All that was measured, as text. */
export function describeResult(result: GpuResult): string {
  const { peaks, graphs, parity, speeds, bars, parts } = result;
  const diagnosis = parts.find(({ part }) => part === DOCTOR)?.results[0] as Diagnosis | undefined;
  const sections = [
    diagnosis ? machineText(diagnosis) : '',
    `Peaks in TFLOP/s: ${Precision.options.map((name) => `${name} ${peaks[name] ?? 'unknown'}`).join(', ')}.`,
    graphTable(graphs),
    parityTable(parity),
    speedTable(speeds),
    sweepTable(speeds),
    reasons(parts),
    grid(
      [
        ['bar', 'holds', 'measured'],
        ...bars.map(({ bar, holds, measured }) => [bar, holds === undefined ? '–' : holds ? 'yes' : 'no', measured]),
      ],
      [0, 1, 2],
    ),
    grid(Object.entries(FORMULAS), [0, 1]),
  ];
  return sections.filter((text) => text !== '').join('\n\n');
}

const percent = (share: number | undefined): string => (share === undefined ? '–' : `${(100 * share).toFixed(1)} %`);
const differenceText = (value: number | null | undefined): string => (value === null ? 'not finite' : (value?.toExponential(1) ?? '–'));
const fixed = (value: number | null | undefined, digits: number): string => value?.toFixed(digits) ?? '–';
const whole = (value: number | undefined): string => (value === undefined ? '–' : Math.round(value).toLocaleString('en'));

const graphTable = (rows: GpuResult['graphs']): string =>
  rows.length === 0
    ? ''
    : grid([
        ['', '', '', '', '', '', 'products', 'products', 'all', 'all', '', 'at the roofline', ''],
        ['graph', 'precision', 'card', 'batch', 'kernels', 'GFLOP', 'GB', 'FLOP/byte', 'GB', 'FLOP/byte', 'ridge', 'ms/step', 'MFU'],
        ...rows.map((row) => [
          row.preset,
          row.precision,
          row.card,
          String(row.batch),
          String(row.kernels),
          whole(row.flops / 1e9),
          fixed(row.productBytes / 1e9, 1),
          fixed(row.productIntensity, 0),
          fixed(row.bytes / 1e9, 1),
          fixed(row.stepIntensity, 0),
          fixed(row.ridge, 0),
          fixed(1000 * row.rooflineSeconds, 2),
          percent(row.rooflineMfu),
        ]),
      ]);

const parityTable = (rows: GpuResult['parity']): string =>
  rows.length === 0
    ? ''
    : grid([
        ['losses', 'precision', 'steps', 'CPU', 'device', 'difference', 'at step'],
        ...rows.map((row) => [
          row.preset,
          row.precision,
          String(row.steps),
          fixed(row.cpu, 4),
          fixed(row.device, 4),
          differenceText(row.difference),
          String(row.at),
        ]),
      ]);

function speedTable(all: readonly SpeedRow[]): string {
  const rows = all.filter((row) => row.millisecondsPerStep !== undefined);
  if (rows.length === 0) return '';
  return grid(
    [
      ['', '', '', '', '', '', '', '', '', 'once a run', '', '', ''],
      ['preset', 'precision', 'program', 'batch', 'K', 'ms/step', 'tokens/s', 'TFLOP/s', 'MFU', 'ms', 'MB', 'share', 'difference'],
      ...rows.map((row) => [
        row.preset,
        row.precision,
        row.program,
        String(row.batch),
        row.k === undefined ? '' : String(row.k),
        fixed(row.millisecondsPerStep, 2),
        whole(row.tokensPerSecond),
        fixed(row.tflops, 2),
        percent(row.mfu),
        fixed(row.transfer?.milliseconds, 1),
        row.transfer === undefined ? '–' : whole(row.transfer.bytes / 1e6),
        percent(row.transfer?.share),
        differenceText(row.difference),
      ]),
    ],
    [0, 1, 2],
  );
}

function sweepTable(rows: readonly SpeedRow[]): string {
  const swept = rows.filter((row) => row.sweep !== undefined);
  const ks = [...new Set(swept.flatMap(({ sweep }) => Object.keys(sweep!)))].sort((a, b) => Number(a) - Number(b));
  if (ks.length === 0) return '';
  return grid([
    ['ms/step by K', '', ...ks, 'share < 5 % from'],
    ...swept.map(({ preset, precision, sweep, transfer }) => [
      preset,
      precision,
      ...ks.map((k) => fixed(sweep![Number(k)], 2)),
      transfer === undefined ? '–' : String(transfer.stepsForBar),
    ]),
  ]);
}

/** Parts that are not done, or not to the end, by the reason. */
function reasons(parts: GpuResult['parts']): string {
  const names = new Map<string, string[]>();
  for (const { part, why } of parts) if (why !== undefined) names.set(why, [...(names.get(why) ?? []), part]);
  const lines = [...names].flatMap(([why, of]) => [
    `- ${why.replace(/\.$/, '')}:`,
    ...wrapped(of.join('; '), pageWidth() - 2).map((line) => `  ${line}`),
  ]);
  return lines.length === 0 ? '' : ['What was not measured, or not to the end:', ...lines].join('\n');
}
