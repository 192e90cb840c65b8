import { appendFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { ProbeOptions } from '../experiment/probes';
import { openModel } from '../inspect/model';
import { probeName, runProbe } from '../probe';
import { UserError } from '../shared/errors';
import type { ProbeRecord, ProbeResult } from '../shared/probe-types';
import type { Done } from '../shared/trainer-protocol';
import type { Metrics } from '../shared/types';
import type { LoadedExperiment } from '../train/experiment';
import { resume, train } from '../train/loop';
import { listRuns, PROBES, readMetrics, readProbes } from '../train/run';
import type { TrainEvents } from '../train/steps';
import { experimentOf, readPlan, type ComparisonPlan } from './plan';
import { owner, readRecord, writeRecord, type MemberRecord, type Outcome } from './record';

/** The runs of a comparison's members. */
export const runsOf = (folder: string): string => join(folder, 'runs');

/** How often a record is brought up to date while it trains, in milliseconds. */
const REFRESH = 1000;

interface MemberOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of the GPU, where the executor says so. */
  readonly deviceIndex?: number | undefined;
}

/**
 * Trains one member of a comparison, from where it stopped if it has begun, and measures it by the probes; `members/<id>.json` says how it goes. What
 * is done already is not done again.
 *
 * @param folder the comparison's own
 * @returns the record as it is in the end: `waiting` when `signal` has stopped it
 * @throws what made it fail; the record says so too
 */
export async function trainMember(folder: string, id: string, options: MemberOptions = {}): Promise<MemberRecord> {
  const plan = readPlan(folder);
  const member = plan.members.find((each) => each.id === id);
  if (!member) {
    const known = plan.members.map((each) => each.id).join(', ');
    throw new UserError(`The comparison ${folder} has no member "${id}".`, `It has ${known}.`, 'comparison');
  }
  const before = readRecord(folder, id);
  if (before.state === 'done') return before;
  const work = new MemberTraining(folder, plan, experimentOf(folder, plan, member), before, options);
  try {
    await work.run();
  } catch (error) {
    if (options.signal?.aborted) work.stopped();
    else {
      work.failed(error);
      throw error;
    }
  }
  return work.record;
}

class MemberTraining {
  #record: MemberRecord;
  #told = 0;

  constructor(
    private readonly folder: string,
    private readonly plan: ComparisonPlan,
    private readonly experiment: LoadedExperiment,
    { message: _, code: __, ...before }: MemberRecord,
    private readonly options: MemberOptions,
  ) {
    this.#record = { ...before, state: 'running', owner: owner() };
  }

  get record(): MemberRecord {
    return this.#record;
  }

  stopped(): void {
    this.#note({ state: 'waiting', message: 'stopped' });
  }

  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#note({ state: 'failed', message, ...(error instanceof UserError && { code: error.code }) });
  }

  async run(): Promise<void> {
    this.#note({ message: 'preparing' });
    const run = await this.#train();
    if (run === undefined) {
      this.stopped();
      return;
    }
    const { steps } = this.experiment.experiment.training;
    this.#note({ run: relative(this.folder, run), step: steps, seconds: secondsOf(readMetrics(run, -1, Number.MAX_SAFE_INTEGER)) });
    for (const options of this.plan.probes.slice(this.#record.outcomes.length)) {
      if (this.options.signal?.aborted) {
        this.stopped();
        return;
      }
      this.#note({ outcomes: [...this.#record.outcomes, await this.#probe(run, options)] });
    }
    this.#keep(run, steps, this.#record.outcomes);
    this.#note({ state: 'done', message: undefined });
  }

  /** Trains to the end, with stops at which the probes are run for the learning curve. @returns the completed run; undefined when it was stopped */
  async #train(): Promise<string | undefined> {
    // Found by its name, not by the record: a process may die between making the one and writing the other.
    const known = listRuns(runsOf(this.folder)).find(({ name }) => name === this.experiment.name);
    if (known?.state === 'completed') return known.folder;
    const { steps } = this.experiment.experiment.training;
    for (let [run, step] = [known?.folder, known?.checkpoint ?? 0]; ;) {
      if (run !== undefined && this.#isPoint(step)) await this.#probeOnTheWay(run, step);
      const done = await this.#trainTo(this.#nextPoint(step) ?? steps, run);
      this.#note({ step: done.steps });
      if (done.reason === 'completed') return done.run;
      if (this.options.signal?.aborted) return undefined;
      [run, step] = [done.run, done.steps];
    }
  }

  /** Begins or goes on, and stops with a checkpoint after a step. On the CPU the numbers are those of a run that did not stop. */
  async #trainTo(last: number, run: string | undefined): Promise<Done> {
    const here = new AbortController();
    const signal = this.options.signal ? AbortSignal.any([this.options.signal, here.signal]) : here.signal;
    const events: Partial<TrainEvents> = {
      status: (message) => this.#note({ message }),
      started: (started) =>
        this.#note({ run: relative(this.folder, started.run), step: started.from, device: started.device, message: 'training' }),
      metrics: ({ step }) => {
        if (step >= last && last < this.experiment.experiment.training.steps) here.abort();
        if (performance.now() - this.#told < REFRESH) return;
        this.#told = performance.now();
        this.#note({ step });
      },
    };
    const options = { ...this.options, signal, events };
    return run === undefined ? train({ experiment: this.experiment, runs: runsOf(this.folder), ...options }) : resume({ run, ...options });
  }

  /** Steps at which the probes are run on the way, without the last. */
  #points(): number[] {
    const { probeEvery } = this.plan;
    const { steps } = this.experiment.experiment.training;
    if (probeEvery === undefined) return [];
    return Array.from({ length: Math.ceil(1 / probeEvery) - 1 }, (_, i) => Math.round((i + 1) * probeEvery * steps)).filter(
      (step) => step > 0 && step < steps,
    );
  }

  #isPoint(step: number): boolean {
    return this.#points().includes(step);
  }

  #nextPoint(after: number): number | undefined {
    return this.#points().find((step) => step > after);
  }

  async #probeOnTheWay(run: string, step: number): Promise<void> {
    if (readProbes(run).some((record) => record.step === step)) return;
    const outcomes: Outcome[] = [];
    for (const options of this.plan.probes) {
      if (this.options.signal?.aborted) return;
      outcomes.push(await this.#probe(run, options));
    }
    this.#keep(run, step, outcomes);
  }

  /** Enters results in the run's own record of probes. */
  #keep(run: string, step: number, outcomes: readonly Outcome[]): void {
    const probes = outcomes.flatMap((outcome): ProbeResult[] => ('result' in outcome ? [outcome.result] : []));
    if (probes.length === 0 || readProbes(run).some((record) => record.step === step)) return;
    appendFileSync(join(run, PROBES), `${JSON.stringify({ step, probes } satisfies ProbeRecord)}\n`);
  }

  /** The newest checkpoint of a run by one probe. */
  async #probe(run: string, options: ProbeOptions): Promise<Outcome> {
    const probe = probeName(options);
    this.#note({ message: `probe ${probe}` });
    try {
      const { folder, experiment } = this.experiment;
      const { threads } = experiment.training;
      return { result: await runProbe(options, { model: openModel(run), run, folder, threads, signal: this.options.signal }) };
    } catch (error) {
      // What the model cannot do by its nature is an empty cell, and no failure.
      if (error instanceof UserError && error.code === 'probe') return { probe, why: error.message };
      throw error;
    }
  }

  #note(change: Partial<MemberRecord>): void {
    writeRecord(this.folder, (this.#record = { ...this.#record, ...change }));
  }
}

/** Seconds of the steps alone, without evaluations and checkpoints. */
function secondsOf(lines: readonly Metrics[]): number {
  let [seconds, tokens] = [0, 0];
  for (const line of lines) {
    if (line.tokensPerSecond !== undefined) seconds += (line.tokens - tokens) / line.tokensPerSecond;
    tokens = line.tokens;
  }
  return seconds;
}
