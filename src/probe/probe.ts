import type { ProbeOptions, ProbeType } from '../experiment/probes';
import type { OpenedModel } from '../inspect/model';
import type { Interval, Leaks, ProbeResult } from '../shared/probe-types';

/** What a probe is given besides its options. */
export interface ProbeContext {
  readonly model: OpenedModel;
  /** The run that the model belongs to: its record and its corpus. Absent for a model from elsewhere. */
  readonly run?: string | undefined;
  /** What file names of the options are relative to. */
  readonly folder: string;
  /** Processor threads for what is trained; two when absent. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
}

export interface Measured extends Pick<ProbeResult, 'examples' | 'trained' | 'floor' | 'question' | 'notes'> {
  readonly metrics: Readonly<Record<string, Interval>>;
  readonly leaks: Leaks;
}

/** One kind of downstream task: a row of the registry and a file of its own. */
export interface Probe<O extends ProbeOptions = ProbeOptions> {
  readonly type: ProbeType;
  readonly title: string;
  /** What is asked of the model, in one sentence. */
  readonly description: string;
  /** The metric by which models are compared, and which way it goes. */
  readonly main: string;
  readonly better: 'higher' | 'lower';
  /** Every metric by name, explained. */
  readonly metrics: Readonly<Record<string, string>>;
  readonly papers: readonly string[];
  /**
   * @throws UserError (code `probe`) when the model cannot do what is asked (it has no head that predicts masked tokens, say), naming the way out; a
   *   comparison then leaves the cell empty and says why. (code `corpus`) for files that cannot be read
   */
  run(options: O, context: ProbeContext): Promise<Measured>;
}
