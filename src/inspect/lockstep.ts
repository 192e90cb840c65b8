import type { Next } from './beams';

/** What a search asks for: see {@link Next}. */
export interface Asked {
  readonly parents: readonly number[];
  readonly ids: readonly number[];
}

/**
 * Runs searches side by side: the device takes a step when all that are not done yet have asked for one.
 *
 * @param search one of them, by number
 * @param step answers those that asked, by number
 */
export async function sideBySide<T>(
  count: number,
  search: (index: number, next: Next) => Promise<T>,
  step: (asked: ReadonlyMap<number, Asked>) => Promise<(index: number) => readonly Float32Array[]>,
): Promise<T[]> {
  let waiting = new Map<number, Asked & { resolve: (rows: readonly Float32Array[]) => void; reject: (error: unknown) => void }>();
  let going = count;
  const stepWhenAllWait = (): void => {
    if (waiting.size === 0 || waiting.size < going) return;
    const asked = waiting;
    waiting = new Map();
    step(asked).then(
      (rowsOf) => asked.forEach(({ resolve }, index) => resolve(rowsOf(index))),
      (error: unknown) => asked.forEach(({ reject }) => reject(error)),
    );
  };
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const next: Next = (parents, ids) =>
        new Promise((resolve, reject) => {
          waiting.set(index, { parents, ids, resolve, reject });
          stepWhenAllWait();
        });
      const found = await search(index, next);
      going--;
      stepWhenAllWait();
      return found;
    }),
  );
}
