import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fastestThreads } from '../../../src/train/threads';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'threads-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const kept = (): Record<string, Record<string, number>> =>
  JSON.parse(readFileSync(join(folder, 'threads.json'), 'utf8')) as Record<string, Record<string, number>>;

describe('the number of threads', () => {
  it('is measured once for a size and a machine, and kept', async () => {
    const threads = await fastestThreads(64, 256, folder, 2);
    expect(threads).toBeGreaterThanOrEqual(1);
    expect(threads).toBeLessThanOrEqual(2);
    const [machine, sizes] = Object.entries(kept())[0]!;
    expect(sizes).toEqual({ '64×256': threads });
    // What is kept is what counts from then on.
    const other = threads === 1 ? 2 : 1;
    writeFileSync(join(folder, 'threads.json'), JSON.stringify({ [machine]: { '64×256': other }, elsewhere: { '64×256': 1 } }));
    expect(await fastestThreads(64, 256, folder, 2)).toBe(other);
  });

  it('is measured again when what was kept cannot be read, or has more threads than there are', async () => {
    writeFileSync(join(folder, 'threads.json'), '{"broken');
    const threads = await fastestThreads(64, 256, folder, 2);
    const [machine] = Object.keys(kept());
    writeFileSync(join(folder, 'threads.json'), JSON.stringify({ [machine!]: { '64×256': 4096 } }));
    expect(await fastestThreads(64, 256, folder, 2)).toBeLessThanOrEqual(2);
    expect(threads).toBeGreaterThanOrEqual(1);
  });

  it('is one where there is one processor, without a measurement', async () => {
    expect(await fastestThreads(64, 256, folder, 1)).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });
});
