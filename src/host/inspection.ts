import { UserError } from '../shared/errors';
import { type Params, type RequestOptions, type Result } from '../shared/rpc';
import type { trainer } from '../shared/trainer-protocol';
import type { TrainerProcess } from './trainer-process';

/** The requests that look and change nothing. */
export type Look = Exclude<keyof (typeof trainer)['requests'], 'train' | 'resume' | 'compare' | 'stop'>;

/** Ends in a row, without one answer between them, after which the process is no longer restarted by itself. */
const MOST_CRASHES = 3;

export interface InspectionOptions {
  readonly spawn: () => TrainerProcess;
  /** Milliseconds without a request after which the process is ended. */
  readonly idle: number;
  /** Hears of an unexpected end; `how` is a clause for people. */
  readonly onCrash: (how: string) => void;
}

/** The process that looks: started with the first request, restarted after a crash, ended when nobody asks for a while. */
export class Inspection {
  #process: TrainerProcess | undefined;
  #open = 0;
  #crashes = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(private readonly options: InspectionOptions) {}

  /** Asks the inspection process; rejects with `RemoteError`, or with `UserError` when the process keeps ending. */
  async request<M extends Look>(
    method: M,
    params: Params<typeof trainer, M>,
    options: RequestOptions = {},
  ): Promise<Result<typeof trainer, M>> {
    if (this.#crashes >= MOST_CRASHES) {
      throw new UserError(
        `The inspection process ended ${this.#crashes} times in a row.`,
        'See the log for the cause, then try again.',
        'inspection',
      );
    }
    const process = (this.#process ??= this.#start());
    clearTimeout(this.#idle);
    this.#open++;
    try {
      const result = await process.messages.request(method, params, options);
      this.#crashes = 0;
      return result;
    } finally {
      if (--this.#open === 0) this.#idle = setTimeout(() => this.#stop(), this.options.idle);
    }
  }

  /** Lets the next request start the process again after it kept ending. */
  retry(): void {
    this.#crashes = 0;
  }

  dispose(): void {
    this.#stop();
  }

  #start(): TrainerProcess {
    const process = this.options.spawn();
    void process.ended.then((how) => {
      if (this.#process === process) this.#process = undefined;
      if (how === undefined) return;
      this.#crashes++;
      this.options.onCrash(how);
    });
    return process;
  }

  #stop(): void {
    clearTimeout(this.#idle);
    this.#process?.dispose();
    this.#process = undefined;
  }
}
