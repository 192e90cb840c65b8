// Choices that are the same in every run, whatever else is in the data.
import { createHash } from 'node:crypto';

const TEST_SHARE = 0.2;

/** @param {unknown[]} words @returns {number} from 0 to below 1, always the same for the same words */
export const drawn = (...words) => createHash('sha256').update(JSON.stringify(words)).digest().readUInt32LE() / 2 ** 32;

/** @param {string} text @param {number} [share] of the texts that is kept for the test @returns {'train' | 'test'} */
export const sideOf = (text, share = TEST_SHARE) => (drawn('side', text) < share ? 'test' : 'train');
