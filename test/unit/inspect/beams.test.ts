import { describe, expect, it } from 'vitest';
import { hash32 } from '../../../src/shared/random';
import { beamSearch, type SearchOptions } from '../../../src/inspect/beams';

const END = 0;
const VOCABULARY = 4;

/** A language in which the next token depends on all before it: log-probabilities drawn from the text itself. */
function logProbabilities(ids: readonly number[], seed: number): Float32Array {
  const weights = Array.from({ length: VOCABULARY }, (_, id) => 1 + (hash32(seed, ...ids, 99, id) % 1000));
  const sum = weights.reduce((a, b) => a + b, 0);
  return Float32Array.from(weights, (weight) => Math.log(weight / sum));
}

/** Beam search over that language, as a device would do it: texts are remembered by row. */
async function search(seed: number, options: Partial<SearchOptions>) {
  const { beams = 1 } = options;
  let rows: (readonly number[])[] = Array.from({ length: beams }, () => []);
  return beamSearch(
    logProbabilities([], seed),
    (parents, ids) => {
      rows = parents.map((parent, i) => [...rows[parent]!, ids[i]!]);
      return Promise.resolve(rows.map((ids) => logProbabilities(ids, seed)));
    },
    { beams: 1, longest: 4, end: END, lengthPenalty: 1, ...options },
  );
}

/** Every text of the language up to a length, with its score, best first. */
function allTexts(seed: number, longest: number, lengthPenalty: number): { ids: number[]; score: number }[] {
  const found: { ids: number[]; score: number }[] = [];
  const grow = (ids: number[], sum: number): void => {
    logProbabilities(ids, seed).forEach((own, id) => {
      const length = ids.length + 1;
      if (id === END || length === longest)
        found.push({ ids: id === END ? ids : [...ids, id], score: (sum + own) / length ** lengthPenalty });
      if (id !== END && length < longest) grow([...ids, id], sum + own);
    });
  };
  grow([], 0);
  return found.sort((a, b) => b.score - a.score);
}

const seeds = Array.from({ length: 20 }, (_, i) => i);

describe('beam search', () => {
  it.each([0, 0.6, 1])('finds the best of all texts when it keeps them all, with length penalty %f', async (lengthPenalty) => {
    for (const seed of seeds) {
      const best = allTexts(seed, 4, lengthPenalty);
      // As many beams as there are beginnings of three tokens, so that none is lost.
      const found = await search(seed, { beams: 27, lengthPenalty });
      expect(found[0]!.ids).toEqual(best[0]!.ids);
      expect(found[0]!.score).toBeCloseTo(best[0]!.score, 5);
    }
  });

  it('takes the likeliest token each time with one beam, up to the end', async () => {
    for (const seed of seeds) {
      const ids: number[] = [];
      let sum = 0;
      for (let length = 1; length <= 4; length++) {
        const scores = logProbabilities(ids, seed);
        const next = scores.indexOf(Math.max(...scores));
        sum += scores[next]!;
        if (next === END) break;
        ids.push(next);
      }
      const [found, ...others] = await search(seed, { beams: 1 });
      expect(others).toEqual([]);
      expect(found!.ids).toEqual(ids);
      expect(found!.logProbability).toBeCloseTo(sum, 5);
    }
  });

  it('gives as many texts as there are beams, best first, none of them twice', async () => {
    for (const seed of seeds) {
      const found = await search(seed, { beams: 4 });
      expect(found.length).toBe(4);
      expect(new Set(found.map(({ ids }) => ids.join())).size).toBe(4);
      expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a));
    }
  });

  it('is at least as good with four beams as with one, on average', async () => {
    const mean = async (beams: number): Promise<number> => {
      const all = await Promise.all(seeds.map((seed) => search(seed, { beams, lengthPenalty: 0 })));
      return all.reduce((sum, [best]) => sum + best!.logProbability, 0) / all.length;
    };
    expect(await mean(4)).toBeGreaterThan(await mean(1));
  });

  it('writes no more than it may', async () => {
    for (const seed of seeds) expect((await search(seed, { beams: 2, longest: 2 })).every(({ ids }) => ids.length <= 2)).toBe(true);
  });
});
