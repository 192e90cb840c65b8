import type { Preset } from '../../experiment/model';
import { Precision } from '../../shared/types';
import type { Part, Outcome } from './budget';
import type { Card } from './cards';
import type { Device } from './runner';
import type { Measurement } from './measure';
import type { ParitySpec } from './parity';
import type { TwinSpec } from './pytorch';

export interface PlanOptions {
  readonly device: Device;
  readonly presets: readonly Preset[];
  /** Sequences of a step. */
  readonly batch: number;
  readonly dropout: number;
  /** Numbers of steps in a run. */
  readonly chunks: readonly number[];
  readonly parity: Pick<ParitySpec, 'preset' | 'batch' | 'steps' | 'threads'>;
  /** The card that graphs are held against. */
  readonly card: Card;
  readonly python: string;
  /** `bench/peers/pytorch/contender.py`, if it is at hand. */
  readonly twin: string | undefined;
}

/** A part, and what it measures; the first is the doctor's. */
export interface PlannedPart extends Part {
  readonly what: Measurement | undefined;
}

/** Seconds for a row: larger models take longer to make, and to compile. */
const STEPS_SECONDS: Readonly<Record<Preset, number>> = { tiny: 10, mini: 12, small: 18, base: 35 };
const TWIN_SECONDS: Readonly<Record<TwinSpec['mode'], Readonly<Record<Preset, number>>>> = {
  eager: { tiny: 8, mini: 10, small: 12, base: 20 },
  compiled: { tiny: 60, mini: 35, small: 40, base: 75 },
};
/** How long the twin's steps are timed. */
const TIMED_SECONDS = { cuda: 3, cpu: 1 } as const;
const NO_TORCH = /No module named 'torch'|ENOENT|NVIDIA driver|not compiled with CUDA/;
export const DOCTOR = 'doctor';

/**
 * All parts in the order of what they tell: what the machine is, what the graphs say, whether the numbers are right, our steps, PyTorch's;
 * bf16 first, so that it is there if time runs short.
 *
 * @param program command that runs this program
 */
export function plan(program: readonly string[], options: PlanOptions): PlannedPart[] {
  const { device, presets, batch, dropout, chunks, parity, card, python, twin } = options;
  const part = (name: string, seconds: number, what: Measurement, refuse?: Part['refuse']): PlannedPart => ({
    name,
    seconds,
    command: [...program, 'bench-gpu', '--part', JSON.stringify(what)],
    ...(refuse && { refuse }),
    what,
  });
  // Only CUDA has TF32: on the processor it is float32 once more.
  const precisions = Precision.options.filter((precision) => device === 'cuda' || precision !== 'tf32');
  const each = precisions.toReversed().flatMap((precision) => presets.map((preset) => ({ preset, precision, device, batch, dropout })));
  const withoutDevice = device === 'cpu' ? undefined : withoutCuda;
  /** A Python that has no PyTorch, or one that cannot use this GPU, has none for the next row either. */
  const withoutTorch: Part['refuse'] = (before) =>
    before.find(({ why = '' }, i) => parts[i]!.what?.kind === 'twin' && NO_TORCH.test(why))?.why;
  const parts: PlannedPart[] = [
    { name: DOCTOR, seconds: 10, command: [...program, 'doctor', '--json'], what: undefined },
    ...presets.map((preset) => part(`graph of ${preset}`, 6, { kind: 'graph', preset, batch, card })),
    ...precisions.map((precision) => part(`losses ${precision}`, 15, { kind: 'parity', ...parity, precision, device }, withoutDevice)),
    ...each.map((spec) => part(nameOf(spec), STEPS_SECONDS[spec.preset], { kind: 'steps', ...spec, chunks }, withoutDevice)),
    ...(['compiled', 'eager'] as const).flatMap((mode) =>
      each.map((spec) =>
        part(
          `${nameOf(spec)}, PyTorch ${mode}`,
          TWIN_SECONDS[mode][spec.preset],
          { kind: 'twin', ...spec, mode, python, program: twin ?? '', seconds: TIMED_SECONDS[device] },
          twin === undefined ? () => 'no --twin was named' : withoutTorch,
        ),
      ),
    ),
  ];
  return parts;
}

const nameOf = ({ preset, precision }: { preset: Preset; precision: Precision }): string => `${preset} ${precision}`;

/** What is certain to fail is not tried; where the doctor gave no answer, it is. */
function withoutCuda(before: readonly Outcome[]): string | undefined {
  const [diagnosis] = before.find(({ part }) => part === DOCTOR)!.results as { providers: { cuda: { works: boolean; why?: string } } }[];
  return diagnosis && !diagnosis.providers.cuda.works ? `CUDA does not work: ${diagnosis.providers.cuda.why}` : undefined;
}
