import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import type { Preset } from '../../experiment/model';
import { UserError } from '../../shared/errors';
import { writeTwin } from '../twin';
import type { Precision } from '../../shared/types';
import { reasonOf } from './budget';
import type { StepsHead } from './steps';

export interface TwinSpec {
  readonly preset: Preset;
  readonly precision: Precision;
  readonly mode: 'eager' | 'compiled';
  readonly device: 'cuda' | 'cpu';
  readonly batch: number;
  readonly dropout: number;
  /** A Python that may have PyTorch, and `bench/peers/pytorch/contender.py`. */
  readonly python: string;
  readonly program: string;
  /** How long steps are timed. */
  readonly seconds: number;
}

export interface TwinRow extends Pick<StepsHead, 'tokens' | 'formulaFlops'> {
  readonly versions: Readonly<Record<string, string>>;
  /** Of the first steps. */
  readonly losses: readonly number[];
  /** Of a step, the mean of those that were done one after another with nothing read in between. */
  readonly milliseconds: number;
  readonly steps: number;
}

/** Steps whose losses are compared; the first compiles. */
const FIRST = 4;

/**
 * The same steps in PyTorch, in a process of its own, by the protocol of `bench/peers/README.md`. What must be written for it lies in the folder for temporary
 * files.
 *
 * @throws UserError (code `bench`) with PyTorch's reason
 */
export function measureTwin({ preset, precision, mode, device, batch, dropout, python, program, seconds }: TwinSpec): TwinRow {
  const folder = tmpdir();
  const { tokens, formulaFlops } = writeTwin(folder, { preset, dropout, batch });
  const env = { ...process.env, FORM: `${mode}-slots`, DEVICE: device, PRECISION: precision, THREADS: '1' };
  const input = `${'step\n'.repeat(FIRST)}seconds ${seconds}\nquit\n`;
  const { status, signal, error, stdout, stderr } = spawnSync(python, [program, folder], { encoding: 'utf8', env, input });
  if (error) throw new UserError(`PyTorch cannot be asked: ${error.message}.`, 'Name a Python that has it by --python.', 'bench');
  if (status !== 0)
    throw new UserError(reasonOf(stderr) ?? `PyTorch ended by itself (${signal ?? `exit code ${status}`}).`, undefined, 'bench');
  const [ready, ...replies] = stdout
    .split('\n')
    .filter((line) => line.startsWith('{"'))
    .map((line) => JSON.parse(line) as { versions: Record<string, string>; ms: number; loss: number; steps: number });
  const last = replies.at(-1)!;
  return {
    versions: ready!.versions,
    tokens,
    formulaFlops,
    losses: replies.slice(0, FIRST).map(({ loss }) => loss),
    milliseconds: last.ms,
    steps: last.steps,
  };
}
