import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

const Resolved = z.object({ training: z.object({ checkpointEvery: z.int().positive() }) });

/** The steps between two checkpoints of a run, from its resolved experiment; undefined when that cannot be read. */
export async function checkpointInterval(run: string): Promise<number | undefined> {
  try {
    return Resolved.parse(JSON.parse(await readFile(join(run, 'experiment.json'), 'utf8'))).training.checkpointEvery;
  } catch {
    return undefined;
  }
}
