import type { Preset } from '../../experiment/model';
import type { Precision } from '../../shared/types';
import type { Outcome } from './budget';
import type { Peaks } from './cards';
import type { GraphRow } from './graphs';
import type { ParityRow } from './parity';
import type { PlannedPart } from './plan';
import { differenceOf, LONGEST_SECONDS, rates, SHARE_BAR, summariseSteps, type StepsSummary } from './summary';
import type { StepsSpec } from './steps';
import type { TwinRow, TwinSpec } from './pytorch';

/** One line of the table of speeds: its numbers, where it was measured. */
export interface SpeedRow extends Partial<Omit<StepsSummary, 'losses'>> {
  readonly program: 'ours' | 'PyTorch eager' | 'PyTorch compiled';
  readonly preset: Preset;
  readonly precision: Precision;
  readonly batch: number;
  /** Of the first losses of PyTorch from ours, see {@link differenceOf}. */
  readonly difference?: number | null | undefined;
  readonly versions?: TwinRow['versions'];
}

/** A bar of the project, and whether it holds; undefined where what it needs was not measured. */
export interface Bar {
  readonly bar: string;
  readonly holds: boolean | undefined;
  readonly measured: string;
}

export interface GpuResult {
  /** What MFU is computed by. */
  readonly peaks: Peaks;
  readonly graphs: readonly GraphRow[];
  readonly parity: readonly ParityRow[];
  readonly speeds: readonly SpeedRow[];
  readonly bars: readonly Bar[];
  readonly parts: readonly Outcome[];
}

/** What the parts say together, as far as they have come. */
export function resultOf(parts: readonly PlannedPart[], outcomes: readonly Outcome[], peaks: Peaks): GpuResult {
  const measured = outcomes.map((outcome, i) => ({ ...outcome, what: parts[i]!.what }));
  const rowsOf = <T>(kind: string): T[] => measured.flatMap(({ what, results }) => (what?.kind === kind ? (results as T[]) : []));
  const ours = measured.flatMap(({ what, results }) =>
    what?.kind === 'steps' ? [{ what, summary: summariseSteps(results, peaks[what.precision]) }] : [],
  );
  const speeds: SpeedRow[] = ours.map(({ what, summary }) => {
    const { losses: _losses, ...numbers } = summary ?? {};
    return { program: 'ours', ...keyOf(what), ...numbers };
  });
  for (const { what, results } of measured) {
    if (what?.kind !== 'twin') continue;
    const own = ours.find((each) => sameStep(each.what, what))?.summary;
    speeds.push({
      program: `PyTorch ${what.mode}`,
      ...keyOf(what),
      ...twinNumbers(results[0] as TwinRow | undefined, own, peaks[what.precision]),
    });
  }
  const parity = rowsOf<ParityRow>('parity');
  const comparisons = parts.filter(({ what }) => what?.kind === 'parity').length;
  const bars = [parityBar(parity, comparisons), ...speedBars(speeds)];
  return { peaks, graphs: rowsOf('graph'), parity, speeds, bars, parts: outcomes };
}

type Key = Pick<SpeedRow, 'preset' | 'precision' | 'batch'>;
const keyOf = ({ preset, precision, batch }: StepsSpec | TwinSpec): Key => ({ preset, precision, batch });
const sameStep = (a: Key, b: Key): boolean => a.preset === b.preset && a.precision === b.precision;

/** What PyTorch's row says, and how far its losses are from ours. */
function twinNumbers(twin: TwinRow | undefined, own: StepsSummary | undefined, peak: number | undefined): Partial<SpeedRow> {
  if (!twin) return {};
  const difference = own && differenceOf(twin.losses, own.losses.slice(0, twin.losses.length)).difference;
  return { ...rates(twin, twin.milliseconds, peak), difference, versions: twin.versions };
}

/** The largest relative difference of a loss from the processor's in float32. */
const PARITY_BARS: Readonly<Record<Precision, number>> = { fp32: 1e-3, tf32: 1e-2, bf16: 1e-2 };

/** Speed is worth nothing where the losses are wrong. @param planned how many rows there are when all is done */
function parityBar(rows: readonly ParityRow[], planned: number): Bar {
  const holds = rows.every(({ precision, difference }) => difference !== null && difference <= PARITY_BARS[precision]);
  const [first] = rows;
  const measured = rows.map(({ precision, difference }) => `${precision} ${difference === null ? 'not finite' : percent(difference, 3)}`);
  return {
    bar: "losses of every step within 0.1 % of the processor's at fp32, within 1 % at TF32 and bf16",
    holds: holds && rows.length < planned ? undefined : holds,
    measured: first ? `${first.preset}, ${first.steps} steps: ${measured.join(', ')}` : 'not measured',
  };
}

const MFU_BAR = 0.4;

/** The bars of base at bf16: 40 % MFU or as fast as compiled PyTorch, whichever is lower, and less than 5 % of the time for transfers. */
function speedBars(speeds: readonly SpeedRow[]): Bar[] {
  const base = (program: SpeedRow['program']): SpeedRow | undefined =>
    speeds.find((row) => row.program === program && row.preset === 'base' && row.precision === 'bf16');
  const [ours, compiled] = [base('ours'), base('PyTorch compiled')];
  const ratio =
    ours?.millisecondsPerStep !== undefined && compiled?.millisecondsPerStep !== undefined
      ? compiled.millisecondsPerStep / ours.millisecondsPerStep
      : undefined;
  const known = ours?.mfu !== undefined || ratio !== undefined;
  const share = ours?.transfer?.share;
  return [
    {
      bar: 'base at bf16: 40 % MFU, or 1.0× compiled PyTorch with the same head, whichever is lower',
      holds: known ? (ours?.mfu ?? 0) >= MFU_BAR || (ratio ?? 0) >= 1 : undefined,
      measured: known
        ? `${ours?.mfu === undefined ? 'MFU unknown' : percent(ours.mfu)}, ${ratio?.toFixed(2) ?? 'no'}× compiled PyTorch`
        : 'not measured',
    },
    {
      bar: `base at bf16: transfers less than 5 % of the time, in the longest run of at most ${LONGEST_SECONDS} s`,
      holds: share === undefined ? undefined : share < SHARE_BAR,
      measured: share === undefined ? 'not measured' : `${percent(share)} at ${ours!.k} steps a run`,
    },
  ];
}

const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`;
