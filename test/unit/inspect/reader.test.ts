import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Reader } from '../../../src/inspect/reader';
import type { Span } from '../../../src/shared/types';
import { Session } from '../../../src/train/device';
import { train } from '../../../src/train/loop';
import { makeWorkspace } from '../support/workspace';

const TEXT = 'the old captain watched the whale at dawn.';
let workspace: ReturnType<typeof makeWorkspace>;
let run: string;
let reader: Reader;

beforeAll(async () => {
  workspace = makeWorkspace({
    training: { steps: 300, device: 'cpu', evaluateEvery: 300, checkpointEvery: 300, learningRate: 0.003 },
    objectives: [{ type: 'mlm', batchSize: 16, sequenceLength: 32 }],
  });
  ({ run } = await train({ experiment: workspace.experiment }));
  reader = new Reader(run);
}, 60_000);
afterAll(() => workspace.remove());

const spanOf = (text: string, word: string): Span => ({ start: text.indexOf(word), end: text.indexOf(word) + word.length });
const piecesOf = async (text: string): Promise<number> => (await reader.tokenize(text)).length;

describe('what is remembered', () => {
  it('is of the weights, not of their folder: a run that goes back writes one again', async () => {
    const other = makeWorkspace({ training: { steps: 10, device: 'cpu', checkpointEvery: 5 } });
    const { run: written } = await train({ experiment: other.experiment });
    const [earlier, later] = [5, 10].map((step) => join(written, 'checkpoints', `step-${String(step).padStart(8, '0')}`));
    const embedded = async (): Promise<Float32Array> => (await new Reader(later!).embed([TEXT]))[0]!;
    const before = await embedded();
    expect(await embedded()).toEqual(before);
    rmSync(later!, { recursive: true });
    cpSync(earlier!, later!, { recursive: true });
    expect(await embedded()).not.toEqual(before);
    other.remove();
  });
});

describe('predictions', () => {
  it('name the likeliest tokens of a hidden place, and the truth with its rank', async () => {
    const [prediction] = await reader.predict(TEXT, [spanOf(TEXT, 'the')], 5);
    const probabilities = prediction!.candidates.map(({ probability }) => probability);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
    expect(prediction).toMatchObject({ start: 0, end: 3, truth: { text: 'the', pieces: 1 } });
    const { rank, probability } = prediction!.truth!;
    expect(prediction!.candidates[rank - 1]!.probability).toBeCloseTo(probability, 6);
    expect((await reader.fillMasks('[MASK] whale watched a sailor at dawn.', 3))[0]!.candidates[0]!.token).toBe('the');
  });

  it('take a word of several pieces, and an alternative to it, as a whole', async () => {
    const strange = TEXT.replace('whale', 'captainwhale');
    expect(await piecesOf('captainwhale')).toBeGreaterThan(1);
    const [word] = await reader.predict(strange, [spanOf(strange, 'captainwhale')], 5);
    const [known] = await reader.predict(TEXT, [spanOf(TEXT, 'whale')], 5);
    // What is hidden does not show through: the candidates are those of any other word in that place.
    word!.candidates.forEach(({ id, probability }, i) => {
      expect(id).toBe(known!.candidates[i]!.id);
      expect(probability).toBeCloseTo(known!.candidates[i]!.probability, 5);
    });
    expect(word!.truth!.pieces).toBe(await piecesOf('captainwhale'));
    expect(word!.truth!.probability).toBeLessThan(known!.truth!.probability);
    expect(word!.truth!.rank).toBeGreaterThan(known!.truth!.rank);
  });

  it('are made in windows where a text is longer than the sequences', async () => {
    const long = Array.from({ length: 20 }, () => TEXT).join(' ');
    const spans = Array.from({ length: 20 }, (_, i) => {
      const start = i * (TEXT.length + 1) + TEXT.indexOf('whale');
      return { start, end: start + 5 };
    });
    const predictions = await reader.predict(long, spans, 3);
    expect(predictions.map(({ start, end }) => ({ start, end }))).toEqual(spans);
    expect(predictions.every(({ truth }) => truth?.text === 'whale')).toBe(true);
  });

  it('need a token to hide', async () => {
    await expect(reader.predict('a  b', [{ start: 1, end: 2 }], 3)).rejects.toThrow(/No token stands at 1 to 2/);
  });
});

describe('surprisal', () => {
  it('is what predicting each word alone gives', async () => {
    const strange = TEXT.replace('dawn', 'captainwhale');
    const words = await reader.surprisal(strange, false);
    expect(words.map(({ start, end }) => strange.slice(start, end))).toEqual([...strange.replace('.', ' .').split(' ')]);
    for (const { start, end, surprisal, pieces } of words) {
      const [alone] = await reader.predict(strange, [{ start, end }], 1);
      expect(pieces).toBe(alone!.truth!.pieces);
      expect(surprisal).toBeCloseTo(-Math.log(alone!.truth!.probability), 4);
    }
    const of = (word: string): number => words.find(({ start, end }) => strange.slice(start, end) === word)!.surprisal;
    expect(of('captainwhale')).toBeGreaterThan(2 * of('at'));
  });

  it('of a text longer than the sequences gives every word a place with context', async () => {
    const long = Array.from({ length: 12 }, () => TEXT).join(' ');
    const words = await reader.surprisal(long, false);
    expect(words).toHaveLength(12 * 9);
    // In the middle every sentence has the same surroundings; windows begin at different places.
    const nth = (sentence: number): number[] => words.slice(9 * sentence, 9 * sentence + 9).map((word) => word.surprisal);
    expect(Math.abs(mean(nth(5)) - mean(nth(6)))).toBeLessThan(0.5);
  });

  it('is estimated nearly as well with several words hidden at a time', async () => {
    const long = Array.from({ length: 12 }, (_, i) => TEXT.replace('dawn', i % 2 ? 'dawn' : 'night')).join(' ');
    const [exact, quick] = [await reader.surprisal(long, false), await reader.surprisal(long, true)];
    expect(quick.map(({ start }) => start)).toEqual(exact.map(({ start }) => start));
    const apart = exact.map(({ surprisal }, i) => Math.abs(surprisal - quick[i]!.surprisal));
    expect(mean(apart)).toBeLessThan(0.5 * mean(exact.map(({ surprisal }) => surprisal)));
    expect(Math.max(...apart)).toBeGreaterThan(0);
  });

  it('is told of the word at a place alone', async () => {
    const text = Array.from({ length: 12 }, (_, i) => TEXT.replace('dawn', i % 3 ? 'dawn' : 'noon')).join(' ');
    const at = text.indexOf('dawn', text.length / 2);
    const askAt = (place: number) => reader.surprisal(text, true, undefined, place);
    const [within, between] = [await askAt(at + 2), await askAt(at)];
    expect(within.map(({ start }) => start)).toEqual([at]);
    expect(between.map(({ start, end }) => text.slice(start, end))).toEqual(['at', 'dawn']);
    expect(await askAt(0)).toHaveLength(1);
    const all = await reader.surprisal(text, true);
    for (const { start, surprisal } of [...within, ...between]) {
      expect(surprisal).toBeCloseTo(all.find((word) => word.start === start)!.surprisal, 4);
    }
    // Of windows that are known as well.
    expect(await askAt(at + 2)).toEqual(all.filter(({ start }) => start === at));
  });

  it('at a place is known as soon as any word of as many tokens stood there', async () => {
    const text = Array.from({ length: 5 }, (_, i) => TEXT.replace('dawn', i === 2 ? 'dawn at noon' : 'dusk')).join(' ');
    const at = text.indexOf('dawn') + 1;
    await reader.surprisal(text, true, undefined, at);
    const runs = vi.spyOn(Session.prototype, 'run');
    const other = text.replace('dawn', 'old');
    const [found] = await reader.surprisal(other, true, undefined, at);
    expect(runs).not.toHaveBeenCalled();
    runs.mockRestore();
    const all = await reader.surprisal(other, true);
    expect(found!.surprisal).toBeCloseTo(all.find(({ start }) => start === found!.start)!.surprisal, 4);
  });

  it('leaves out what the tokenizer does not know, and keeps every place', async () => {
    const text = '🐋 the whale 鯨 watched\u00a0the 🚢 ship.';
    const words = (await reader.surprisal(text, false)).map(({ start, end }) => text.slice(start, end));
    expect(words).toEqual(['the', 'whale', 'watched', 'the', 'ship', '.']);
    expect(await reader.surprisal('', false)).toEqual([]);
    expect(await reader.surprisal('🐋', true)).toEqual([]);
  });

  it('ends between two batches when nobody waits any more', async () => {
    const text = Array.from({ length: 40 }, (_, i) => `the whale ${i} watched a sailor.`).join(' ');
    await expect(reader.surprisal(text, false, AbortSignal.abort())).rejects.toThrow(/abort/i);
  });
});

describe('attention', () => {
  it('of a token adds up to what [CLS] and [SEP] leave', async () => {
    const { from, to, heads, layers, weights } = await reader.attention(TEXT, 2, 0, []);
    const size = to - from;
    expect([from, size, heads, layers]).toEqual([0, 9, 2, 1]);
    for (let row = 0; row < heads * size; row++) {
      const sum = weights.subarray(row * size, (row + 1) * size).reduce((a, b) => a + b, 0);
      expect(sum).toBeGreaterThan(0.1);
      expect(sum).toBeLessThan(1);
    }
  });

  it('changes with what is hidden, and only names layers and tokens that there are', async () => {
    const shown = await reader.attention(TEXT, 2, 0, []);
    const hidden = await reader.attention(TEXT, 2, 0, [spanOf(TEXT, 'whale')]);
    expect(hidden.weights).not.toEqual(shown.weights);
    await expect(reader.attention(TEXT, 2, 1, [])).rejects.toThrow(/has 1 layers, and layer 2 was asked for/);
    await expect(reader.attention(TEXT, 9, 0, [])).rejects.toThrow(/has 9 tokens, and token 10 was asked for/);
  });
});

describe('the mask of training', () => {
  it('is the same for the same draw, and hides 15 %', async () => {
    const long = Array.from({ length: 20 }, () => TEXT).join(' ');
    const masks = [await reader.mask(long, 0), await reader.mask(long, 0), await reader.mask(long, 1)];
    const count = await piecesOf(long);
    expect(masks[0]).toEqual(masks[1]);
    expect(masks[0]).not.toEqual(masks[2]);
    expect(Math.abs(masks[0]!.length / count - 0.15)).toBeLessThan(0.03);
    expect(Math.max(...masks[0]!)).toBeLessThan(count);
  });
});

describe('sentences', () => {
  const query = { text: 'The whale passed. A gull struck the mate off the cape. The whale passed.', unit: 'sentence', limit: 10 } as const;

  it('are compared each with each', async () => {
    const { units, matrix } = await reader.similarity(query);
    expect(units).toHaveLength(3);
    const at = (i: number, j: number): number => matrix[3 * i + j]!;
    expect(at(0, 2)).toBeCloseTo(1, 4);
    expect(at(0, 1)).toBeLessThan(at(0, 2));
    expect(at(1, 0)).toBe(at(0, 1));
    expect((await reader.similarity({ ...query, limit: 2 })).units).toHaveLength(2);
  });

  it('lie on the sphere as their distances say', async () => {
    const { matrix } = await reader.similarity(query);
    const { alignment, uniformity } = await reader.geometry(query);
    // Of the three sentences two are the same text, which counts once.
    expect(uniformity).toBeCloseTo(-2 * (2 - 2 * matrix[1]!), 4);
    expect(alignment).toBeGreaterThan(0);
    expect(alignment).toBeLessThan(2 - 2 * matrix[1]!);
  });

  it('have the same map every time, with like ones near each other', async () => {
    const text = `${Array.from({ length: 15 }, (_, i) => `A gull struck the mate off the cape ${i}.`).join(' ')} ${Array.from({ length: 15 }, (_, i) => `The whale watched ${i}.`).join(' ')}`;
    for (const projection of ['pca', 'umap'] as const) {
      const [first, again] = [
        await reader.map({ ...query, text, limit: 50 }, projection),
        await reader.map({ ...query, text, limit: 50 }, projection),
      ];
      expect(first.units).toHaveLength(30);
      expect(again.points).toEqual(first.points);
      const distance = (i: number, j: number): number =>
        Math.hypot(first.points[2 * i]! - first.points[2 * j]!, first.points[2 * i + 1]! - first.points[2 * j + 1]!);
      const pairs = Array.from({ length: 14 }, (_, i) => i);
      expect(mean(pairs.map((i) => distance(i, i + 1)))).toBeLessThan(mean(pairs.map((i) => distance(i, i + 15))));
    }
    const { explained } = await reader.map({ ...query, text, limit: 50 }, 'pca');
    expect(explained![0]).toBeGreaterThan(explained![1]!);
    for (const limit of [1, 2, 3, 4]) {
      const { points } = await reader.map({ ...query, text, limit }, 'umap');
      expect([...points].filter(Number.isFinite)).toHaveLength(2 * limit);
    }
  });

  it('have the same neighbours when several ask at once', async () => {
    const [folder, other] = [join(workspace.folder, 'text'), new Reader(run)];
    const ask = (text: string) => other.neighbours(folder, text, 5, 60_000);
    const texts = ['The whale watched a sailor at dawn.', 'A gull forgot the mate.'];
    const together = await Promise.all(texts.map(ask));
    expect(together.map(({ indexed, total }) => [indexed, total])).toEqual([
      [720, 720],
      [720, 720],
    ]);
    // One after the other, by an index that nobody else has filled.
    const alone = new Reader(run);
    for (const [i, text] of texts.entries()) expect(together[i]).toEqual(await alone.neighbours(folder, text, 5, 60_000));
  });

  it('need two different ones to lie on the sphere', async () => {
    await expect(reader.geometry({ ...query, text: 'The whale passed. The whale passed.' })).rejects.toThrow(
      /fewer than two different units/,
    );
  });

  it('have neighbours in a folder, which is read little by little', async () => {
    const folder = join(workspace.folder, 'text');
    const first = await reader.neighbours(folder, 'The whale watched a sailor at dawn.', 5, 0);
    expect(first).toMatchObject({ neighbours: [], indexed: 0, total: 720 });
    const all = await reader.neighbours(folder, 'The whale watched a sailor at dawn.', 5, 60_000);
    expect(all.indexed).toBe(720);
    const similarities = all.neighbours.map(({ similarity }) => similarity);
    expect(similarities).toEqual([...similarities].sort((a, b) => b - a));
    const { path, start, end, text } = all.neighbours[0]!;
    expect(readFileSync(path, 'utf8').slice(start, end)).toBe(text);
    writeFileSync(join(folder, 'later.txt'), 'The whale watched a sailor at dawn');
    // What a folder holds is looked up every few seconds.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6_000 });
    const later = await reader.neighbours(folder, 'The whale watched a sailor at dawn.', 5, 60_000);
    vi.useRealTimers();
    expect(later.total).toBe(721);
    expect(later.neighbours.map((each) => each.path)).toContain(join(folder, 'later.txt'));
  });
});

const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;
