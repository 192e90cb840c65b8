import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { UserError } from '../../shared/errors';
import { replaceFile } from '../../train/storage';

/** A job array that was submitted, or was about to be: only then has it no id. */
const JobArray = z.object({ name: z.string(), id: z.string().optional(), members: z.array(z.string()) });
export type JobArray = z.infer<typeof JobArray>;
const Jobs = z.object({ arrays: z.array(JobArray) });

/**
 * The arrays of a comparison, in `slurm/jobs.json`: by them another process goes on watching. An array is written down before it is submitted and known
 * by its name, which nothing else in the cluster has, so that none is lost when this process ends in between.
 */
export class JobBook {
  readonly #file: string;
  #arrays: readonly JobArray[];

  /** @throws UserError (code `executor`) when the file cannot be read */
  constructor(private readonly folder: string) {
    this.#file = join(folder, 'slurm', 'jobs.json');
    this.#arrays = this.#read();
  }

  get arrays(): readonly JobArray[] {
    return this.#arrays;
  }

  /** A new array, not yet written down. */
  plan(members: readonly string[]): JobArray {
    const name = basename(this.folder).replaceAll(/[^\w.-]+/g, '-');
    return { name: `${name}-${randomBytes(4).toString('hex')}`, members: [...members] };
  }

  /** Writes an array down, in place of what was known of it. */
  enter(array: JobArray): void {
    this.#write([...this.#arrays.filter(({ name }) => name !== array.name), array]);
  }

  remove(array: JobArray): void {
    this.#write(this.#arrays.filter(({ name }) => name !== array.name));
  }

  #write(arrays: readonly JobArray[]): void {
    mkdirSync(join(this.folder, 'slurm'), { recursive: true });
    replaceFile(this.#file, `${JSON.stringify({ arrays }, null, 2)}\n`);
    this.#arrays = arrays;
  }

  #read(): readonly JobArray[] {
    try {
      return Jobs.parse(JSON.parse(readFileSync(this.#file, 'utf8'))).arrays;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new UserError(
        `${this.#file} is not what was written there.`,
        'See by squeue that no job of the comparison is left, then delete the file.',
        'executor',
        { cause: error },
      );
    }
  }
}
