import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { followRuns, formatMetrics } from '../../../scripts/lib/follow.mjs';

const lossLine = (step: number): string =>
  `${JSON.stringify({ step, tokens: 2048 * step, seconds: step / 10, loss: { mlm: 9 - step } })}\n`;
const heldOut = `${JSON.stringify({ step: 3, tokens: 0, seconds: 1, eval: { mlm: 5, unigram: 6.5 } })}\n`;

describe('following runs in the terminal', () => {
  let folder: string;
  let stop: () => void;
  const lines: string[] = [];

  beforeEach(() => {
    vi.useFakeTimers();
    folder = mkdtempSync(join(tmpdir(), 'follow-'));
    lines.length = 0;
    stop = () => undefined;
  });
  afterEach(() => {
    stop();
    vi.useRealTimers();
    rmSync(folder, { recursive: true, force: true });
  });

  const follow = (): void => {
    stop = followRuns(join(folder, 'runs'), (line) => lines.push(line));
  };
  const write = (run: string, file: string, text: string): void => {
    mkdirSync(join(folder, 'runs', run), { recursive: true });
    appendFileSync(join(folder, 'runs', run, file), text);
    vi.advanceTimersByTime(600);
  };

  it('shows a run that began later, in a folder that did not exist', () => {
    follow();
    write('a', 'log.txt', 'Reading the corpus\n');
    write('a', 'metrics.jsonl', lossLine(1));
    expect(lines).toEqual(['[a] Reading the corpus', '[a] step 1  loss  mlm 8.000  20,480 tokens/s']);
  });

  it('tells nothing of what was there before', () => {
    write('a', 'log.txt', 'old\n');
    follow();
    write('a', 'log.txt', 'new\n');
    expect(lines).toEqual(['[a] new']);
  });

  it('waits for the rest of a half-written line', () => {
    follow();
    const line = lossLine(1);
    write('a', 'metrics.jsonl', line.slice(0, 10));
    expect(lines).toEqual([]);
    write('a', 'metrics.jsonl', line.slice(10));
    expect(lines).toHaveLength(1);
  });

  it('thins out steps, never evaluations', () => {
    follow();
    write('a', 'metrics.jsonl', lossLine(1) + lossLine(2) + heldOut);
    expect(lines).toEqual([
      '[a] step 1  loss  mlm 8.000  20,480 tokens/s',
      `[a] ${formatMetrics({ step: 3, tokens: 0, seconds: 1, eval: { mlm: 5, unigram: 6.5 } })}`,
    ]);
    expect(lines[1]).toBe('[a] step 3  held-out  mlm 5.000  unigram 6.500');
    vi.advanceTimersByTime(2000);
    write('a', 'metrics.jsonl', lossLine(4));
    expect(lines).toHaveLength(3);
  });

  it('ends when told to', () => {
    follow();
    stop();
    write('a', 'log.txt', 'unseen\n');
    expect(lines).toEqual([]);
  });
});
