/** What an executor is given to run members of a comparison by. */
export interface ExecutorContext {
  /** The comparison's own folder: `plan.json`, `members/<id>.json`, `runs/`, `logs/`. All workers see it. */
  readonly folder: string;
  /**
   * The command that trains one member where it runs, and leaves word of it in `members/<id>.json`; the first word is Node. One that ends with 0 before
   * its member is done was told to stop, and left a checkpoint to go on from.
   */
  readonly command: (member: string) => readonly string[];
  /** How it goes on, in one line for people. */
  readonly tell: (message: string) => void;
  /** What went wrong, likewise. */
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Where members of a comparison are trained. What became of them is told by their files, never by the executor: a process may be killed, a node may go
 * away, and who resumes a comparison may be someone else.
 */
export interface MemberExecutor {
  /** Starts members, and resolves when none of them is going on any more. Aborting stops them, each with a checkpoint. */
  run(members: readonly string[], context: ExecutorContext): Promise<void>;
  /** What would be submitted, by file name, without doing it. */
  dryRun(members: readonly string[], context: ExecutorContext): ReadonlyMap<string, string>;
}
