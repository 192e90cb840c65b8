import { describe, expect, it } from 'vitest';
import { hash32, permute, stringSeed, uniform } from '../../../src/shared/random';

describe('hash32', () => {
  it('gives recorded values, so that seeds mean the same tomorrow', () => {
    expect([hash32(), hash32(0), hash32(1), hash32(1, 2, 3)]).toMatchInlineSnapshot(`
      [
        0,
        593689054,
        4226891818,
        3923217110,
      ]
    `);
  });

  it('flips about half of the bits when one input bit flips', () => {
    let flipped = 0;
    for (let n = 0; n < 1000; n++) {
      for (const bit of [0, 7, 31]) {
        let difference = (hash32(n, 5) ^ hash32(n ^ (1 << bit), 5)) >>> 0;
        for (; difference; difference &= difference - 1) flipped++;
      }
    }
    expect(flipped / (3000 * 32)).toBeCloseTo(0.5, 1);
  });

  it('tells the order and the number of its words apart', () => {
    expect(new Set([hash32(1, 2), hash32(2, 1), hash32(1, 2, 0), hash32(0, 1, 2), hash32(12)]).size).toBe(5);
  });
});

describe('uniform', () => {
  it('fills sixteen equal bands evenly and stays in [0, 1)', () => {
    const bands = new Array<number>(16).fill(0);
    const draws = 64_000;
    for (let i = 0; i < draws; i++) bands[Math.floor(uniform(42, i) * 16)]!++;
    expect(bands).toHaveLength(16);
    // Chi-squared with 15 degrees of freedom exceeds 37.7 once in a thousand.
    expect(bands.reduce((sum, count) => sum + (count - draws / 16) ** 2 / (draws / 16), 0)).toBeLessThan(37.7);
  });

  it('does not correlate neighbouring counters', () => {
    let product = 0;
    for (let i = 0; i < 50_000; i++) product += (uniform(1, i) - 0.5) * (uniform(1, i + 1) - 0.5);
    expect(Math.abs(product / 50_000) * 12).toBeLessThan(0.03);
  });
});

describe('permute', () => {
  it.each([1, 2, 3, 4, 5, 15, 16, 17, 64, 1000, 4097])('is a bijection on 0…%i−1', (n) => {
    for (const key of [0, 1, 0xffffffff]) {
      const images = Array.from({ length: n }, (_, i) => permute(i, n, key)).sort((a, b) => a - b);
      expect(images).toEqual(Array.from({ length: n }, (_, i) => i));
    }
  });

  it('sends an element everywhere, equally often, as the key changes', () => {
    const counts = new Array<number>(10).fill(0);
    for (let key = 0; key < 10_000; key++) counts[permute(3, 10, key)]!++;
    // Chi-squared with 9 degrees of freedom exceeds 27.9 once in a thousand.
    expect(counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(27.9);
  });

  it('works at the largest size', () => {
    expect(permute(2 ** 32 - 1, 2 ** 32, 7)).toBeLessThan(2 ** 32);
  });

  it('refuses what is not an element', () => {
    for (const index of [-1, 5, 0.5, Number.NaN]) expect(() => permute(index, 5, 1)).toThrow(RangeError);
    expect(() => permute(0, 0, 1)).toThrow(RangeError);
  });
});

describe('stringSeed', () => {
  it('gives different seeds to similar names', () => {
    expect(new Set(Array.from({ length: 10_000 }, (_, i) => stringSeed(`chapter-${i}.md`))).size).toBe(10_000);
  });
});
