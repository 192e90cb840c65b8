/**
 * Counter-based randomness: every draw is a pure function of its arguments (seed, step, position, …), so that a batch, a mask or a sample order can be
 * computed again at any time, in any order, with no generator state to save (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 */

/** MurmurHash3 (Appleby, 2011), x86 32-bit variant, over 32-bit words; its finaliser makes every input bit flip half of the output bits. */
export function hash32(...words: number[]): number {
  let hash = 0;
  for (const word of words) {
    let mixed = Math.imul(word, 0xcc9e2d51);
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    hash ^= mixed;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  return finalise(hash ^ (words.length * 4));
}

/** A uniform number in [0, 1) with 32 random bits. */
export function uniform(...words: number[]): number {
  return hash32(...words) / 2 ** 32;
}

/** A 32-bit seed from a string, by its UTF-16 code units (FNV-1a, then MurmurHash3's finaliser). */
export function stringSeed(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return finalise(hash);
}

const FEISTEL_ROUNDS = 6;

/**
 * Element `index` of a pseudo-random permutation of 0…n−1 chosen by `key`, in O(1) memory: a Feistel network permutes the next even power of two, and
 * walking its cycle from inside the range returns to the range after fewer than four steps on average for n above 16 (Black & Rogaway, "Ciphers with
 * arbitrary finite domains", CT-RSA 2002).
 *
 * @param n at most 2³²
 * @throws RangeError if `index` is not an integer in 0…n−1
 */
export function permute(index: number, n: number, key: number): number {
  if (!Number.isInteger(index) || index < 0 || index >= n || n > 2 ** 32)
    throw new RangeError(`No element ${index} in a permutation of ${n}.`);
  let halfBits = 2;
  while (4 ** halfBits < n) halfBits++;
  const base = 2 ** halfBits;
  let value = index;
  do {
    let left = Math.floor(value / base);
    let right = value % base;
    for (let round = 0; round < FEISTEL_ROUNDS; round++) {
      const mixed = (left ^ hash32(key, round, right)) & (base - 1);
      left = right;
      right = mixed;
    }
    value = left * base + right;
  } while (value >= n);
  return value;
}

function finalise(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
