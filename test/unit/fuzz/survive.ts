import { Script } from 'node:vm';
import fc from 'fast-check';
import { UserError } from '../../../src/shared/errors';
import { seedOfFuzzing } from '../support/random';

/** What a damaged input of some KB may take: milliseconds (of a machine that is busy), and bytes that are still held when it was read. */
const LONGEST = 3_000;
const MOST_BYTES = 64e6;
/** The longest message that a person can be asked to read, in characters. */
const LONGEST_MESSAGE = 4_000;

/** Part of a test's name: `SEED=n` replays it. */
export const replay = `SEED=${seedOfFuzzing}`;

interface Expectation {
  /** What a message must name: the file, say. */
  readonly names?: string;
  readonly runs: number;
}

/**
 * Feeds mutations to a reader: it must return, or throw a `UserError` that a person can act on, soon and without much memory. A loop without end is
 * ended from outside.
 */
export function survives<T>(mutations: fc.Arbitrary<T>, read: (mutation: T) => unknown, { runs, ...expected }: Expectation): void {
  fc.assert(
    fc.property(mutations, (mutation) => {
      const before = held();
      const problem = outcome(() => interruptible(() => read(mutation)));
      checkMemory(before);
      if (problem) checkError(problem.error, expected);
    }),
    parameters(runs),
  );
}

/** The same for a reader that takes its time. */
export async function survivesAsync<T>(
  mutations: fc.Arbitrary<T>,
  read: (mutation: T) => Promise<unknown>,
  { runs, ...expected }: Expectation,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(mutations, async (mutation) => {
      const before = held();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`It took more than ${LONGEST} ms.`)), LONGEST);
      });
      try {
        await Promise.race([read(mutation), late]);
      } catch (error) {
        checkError(error, expected);
      } finally {
        clearTimeout(timer);
      }
      checkMemory(before);
    }),
    parameters(runs),
  );
}

const parameters = (numRuns: number): fc.Parameters<[unknown]> => ({
  seed: seedOfFuzzing,
  numRuns,
  endOnFailure: process.env.SEED === undefined,
});

function outcome(work: () => unknown): { error: unknown } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return { error };
  }
}

const holder: { work?: () => unknown } = {};
Object.assign(globalThis, { fuzzed: holder });
const script = new Script('fuzzed.work()');

/** Runs synchronous work that the virtual machine ends when it takes too long. */
export function interruptible<T>(work: () => T): T {
  holder.work = work;
  return script.runInThisContext({ timeout: LONGEST }) as T;
}

const held = (): number => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

function checkMemory(before: number): void {
  const grown = held() - before;
  if (grown > MOST_BYTES) throw new Error(`${Math.round(grown / 1e6)} MB were taken for an input of some KB.`);
}

/** A failure as a person should meet it. */
export function checkError(error: unknown, { names }: { names?: string } = {}): void {
  if (!(error instanceof UserError)) throw new Error('It failed with what is no UserError.', { cause: error });
  const { message, hint } = error;
  if (names !== undefined && !message.includes(names)) throw new Error(`It does not name ${names}: ${message}`);
  if (!hint) throw new Error(`It says no way out: ${message}`);
  if (message.length > LONGEST_MESSAGE) throw new Error(`It is ${message.length} characters long: ${message.slice(0, 200)}…`);
  // The validator's own words for a field that is missing or no number may stand.
  if (/\n\s+at |(?<!received )(?:undefined|NaN)|\[object/.test(message)) throw new Error(`It is not for people: ${message.slice(0, 500)}`);
}
