import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fastestThreads } from '../../../src/train/threads';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'threads-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const kept = (): Record<string, Record<string, number>> =>
  JSON.parse(readFileSync(join(folder, 'threads.json'), 'utf8')) as Record<string, Record<string, number>>;

// With one processor there is nothing to choose, and nothing is kept.
describe.runIf(availableParallelism() > 1)('the number of threads', () => {
  it('is measured once for a size and a machine, and kept', async () => {
    const threads = await fastestThreads(64, 256, folder);
    expect(threads).toBeGreaterThanOrEqual(1);
    expect(threads).toBeLessThanOrEqual(availableParallelism());
    const [machine, sizes] = Object.entries(kept())[0]!;
    expect(sizes).toEqual({ '64×256': threads });
    // What is kept is what counts from then on.
    const other = threads === 1 ? 2 : 1;
    writeFileSync(join(folder, 'threads.json'), JSON.stringify({ [machine]: { '64×256': other }, elsewhere: { '64×256': 1 } }));
    expect(await fastestThreads(64, 256, folder)).toBe(other);
  });

  it('is measured again when what was kept cannot be read, or has more threads than there are', async () => {
    writeFileSync(join(folder, 'threads.json'), '{"broken');
    const threads = await fastestThreads(64, 256, folder);
    const [machine] = Object.keys(kept());
    writeFileSync(join(folder, 'threads.json'), JSON.stringify({ [machine!]: { '64×256': 4096 } }));
    expect(await fastestThreads(64, 256, folder)).toBeLessThanOrEqual(availableParallelism());
    expect(threads).toBeGreaterThanOrEqual(1);
  });
});
