import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Debounce, Delay, Throttle } from '../../../src/host/throttle';

const work = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  work.mockClear();
});

describe('of calls in every tenth of a second', () => {
  /** The times of work, in milliseconds from the first of six calls. */
  function timesOf(timer: { call(): void }): number[] {
    const began = Date.now();
    const times: number[] = [];
    work.mockImplementation(() => times.push(Date.now() - began));
    for (let i = 0; i < 6; i++) {
      timer.call();
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(5_000);
    return times;
  }

  it('a throttle takes up the first at once, then one in an interval, and the last', () => {
    expect(timesOf(new Throttle(250, work))).toEqual([0, 250, 500, 750]);
  });

  it('a delay takes up each so much later, with those that came meanwhile', () => {
    expect(timesOf(new Delay(250, work))).toEqual([250, 550]);
  });

  it('a debounce waits for the end of all', () => {
    expect(timesOf(new Debounce(250, work))).toEqual([750]);
  });
});

describe('once disposed of', () => {
  it.each([Throttle, Delay, Debounce])('%s has nothing left to do', (Timer) => {
    const timer = new Timer(250, work);
    timer.call();
    timer.call();
    work.mockClear();
    timer.dispose();
    vi.advanceTimersByTime(5_000);
    expect(work).not.toHaveBeenCalled();
  });
});
