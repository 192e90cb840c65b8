import { disk, type Storage } from '../../../src/train/storage';

/** The storage with its calls counted; `fail` may throw before one is done. */
export function watched(
  fail: (call: number, operation: keyof Storage, path: string | undefined) => void,
): Storage & { calls: () => number } {
  let calls = 0;
  const wrapped = Object.fromEntries(
    (Object.keys(disk) as (keyof Storage)[]).map((operation) => [
      operation,
      (...given: unknown[]) => {
        fail(++calls, operation, typeof given[0] === 'string' ? given[0] : undefined);
        return (disk[operation] as (...given: unknown[]) => unknown)(...given);
      },
    ]),
  ) as unknown as Storage;
  return { ...wrapped, calls: () => calls };
}

/** What the code of a process that was killed sees: nothing. Whatever it still tries does not reach the disk. */
export class Died extends Error {
  override readonly name = 'Died';
}

/** A storage that does so many calls and then no more, as if the process had been killed. @param torn whether the last write is cut short */
export function dyingAfter(last: number, torn = false): Storage & { calls: () => number } {
  const storage = watched((call) => {
    if (call > last) throw new Died(`The process died after call ${last}.`);
  });
  return {
    ...storage,
    write: (file, bytes) =>
      torn && storage.calls() === last - 1 ? storage.write(file, bytes.subarray(0, bytes.length >> 1)) : storage.write(file, bytes),
  };
}

export const systemError = (code: string): Error => Object.assign(new Error(`${code}: by the test`), { code });
