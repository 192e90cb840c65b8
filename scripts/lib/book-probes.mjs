// Small downstream tasks from the chapters of Moby-Dick. A chapter is on one side as a whole.
import { drawn, sideOf } from './draw.mjs';
import { minimalPairs, swapArticle } from './minimal-pairs.mjs';

/** @typedef {{ number: number, paragraphs: string[] }} Chapter */
/** @typedef {Record<string, string | number>} Row */

/** Chapters in the form of a play, where speech has no quotation marks. */
const PLAYS = new Set([37, 38, 39, 40, 108, 120, 121, 122, 127, 129]);
/** Rows of each file. */
const COUNTS = { train: 160, test: 120 };
/** Of the chapters; more than usual, since a sample has few rows, and the interval of a measure is as wide as these are few. */
const TEST_SHARE = 0.4;
/** Characters. Most sentences should fit into the 14 tokens that the quick start's model reads, of the minimal pairs nearly all. */
const SENTENCE = { shortest: 25, longest: 75, longestInOrder: 42 };

/** @param {number} number @param {string} markdown @returns {Chapter} */
export const chapterOf = (number, markdown) => ({
  number,
  paragraphs: markdown
    .split(/\n\s*\n/)
    .filter((text) => !text.startsWith('#'))
    .map((text) => text.replace(/\s+/g, ' ').trim()),
});

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
/** @param {string} text @returns {string[]} */
export const sentencesOf = (text) => [...segmenter.segment(text)].map(({ segment }) => segment.trim());

/** Neither with marks of speech, nor a piece that an abbreviation cut off. @param {string} text */
const isWhole = (text) =>
  text.length >= SENTENCE.shortest &&
  text.length <= SENTENCE.longest &&
  /^[A-Z][^"]*[a-z]{2}[.!?]$/.test(text) &&
  !/\b(?:Mr|Mrs|Dr|Capt|St|viz|vol|etc)\.$/.test(text);

/**
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => string} key
 */
const shuffled = (items, key) => [...items].sort((a, b) => drawn('order', key(a)) - drawn('order', key(b)));

/** As many sentences that someone says as that are told, without the marks. @param {readonly Chapter[]} chapters @param {number} count at most @returns {Row[]} */
function speech(chapters, count) {
  const paragraphs = chapters.filter(({ number }) => !PLAYS.has(number)).flatMap((chapter) => chapter.paragraphs);
  const said = paragraphs.flatMap((text) => [...text.matchAll(/"([^"]+)"/g)].flatMap(([, words = '']) => sentencesOf(words)));
  const told = paragraphs.filter((text) => !text.includes('"')).flatMap(sentencesOf);
  const drawnFrom = (/** @type {string[]} */ texts) => shuffled(texts.filter(isWhole), (text) => text).slice(0, count / 2);
  const rows = [
    ...drawnFrom(said).map((text) => ({ text, label: 'speech' })),
    ...drawnFrom(told).map((text) => ({ text, label: 'narration' })),
  ];
  return shuffled(rows, ({ text }) => text);
}

/**
 * Half of the pairs are neighbours in a paragraph; of the others the second sentences have changed places, so that none tells by itself.
 *
 * @param {readonly Chapter[]} chapters
 * @param {number} count at most
 * @returns {Row[]}
 */
function neighbours(chapters, count) {
  const found = chapters.flatMap(({ number, paragraphs }) =>
    paragraphs.map(sentencesOf).flatMap((sentences) =>
      sentences.flatMap((a, i) => {
        const b = sentences[i + 1] ?? '';
        // Each sentence is in one pair.
        return i % 2 === 0 && isWhole(a) && isWhole(b) ? [{ number, a, b }] : [];
      }),
    ),
  );
  const chosen = shuffled(found, ({ a }) => a).slice(0, count);
  const half = chosen.slice(chosen.length / 2);
  const together = chosen.slice(0, chosen.length / 2).map(({ a, b }) => ({ a, b, label: 1 }));
  const apart = half.flatMap(({ number, a }, i) => {
    const other = half[(i + 1) % half.length];
    return other === undefined || other.number === number ? [] : [{ a, b: other.b, label: 0 }];
  });
  return shuffled([...together, ...apart], ({ a }) => a);
}

/** Short sentences, and the same with an article out of place. @param {readonly Chapter[]} chapters @param {number} count @returns {Row[]} */
function orders(chapters, count) {
  const sentences = chapters.flatMap(({ paragraphs }) => paragraphs.flatMap(sentencesOf).filter(isWhole));
  const short = shuffled(sentences, (text) => text).filter((text) => text.length <= SENTENCE.longestInOrder);
  return minimalPairs(short, swapArticle).slice(0, count);
}

/** @param {readonly Chapter[]} chapters @returns {Map<string, Row[]>} rows by file */
export function bookProbes(chapters) {
  const on = (/** @type {'train' | 'test'} */ side) => chapters.filter(({ number }) => sideOf(`chapter ${number}`, TEST_SHARE) === side);
  return new Map([
    ['speech-train.jsonl', speech(on('train'), COUNTS.train)],
    ['speech-test.jsonl', speech(on('test'), COUNTS.test)],
    ['next-sentence-train.jsonl', neighbours(on('train'), COUNTS.train)],
    ['next-sentence-test.jsonl', neighbours(on('test'), COUNTS.test)],
    ['word-order.jsonl', orders(chapters, COUNTS.test)],
  ]);
}
