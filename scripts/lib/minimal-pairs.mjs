// Sentences made unacceptable by one rule, for pairs as those of BLiMP (Warstadt et al., 2020).
import { drawn } from './draw.mjs';

/**
 * @param {readonly string[]} sentences
 * @param {(sentence: string) => string | undefined} spoil
 * @param {(sentence: string) => string} [written] how a sentence is written out
 * @returns {{ good: string, bad: string }[]} of the sentences that the rule applies to
 */
export const minimalPairs = (sentences, spoil, written = (sentence) => sentence) =>
  sentences.flatMap((sentence) => {
    const bad = spoil(sentence);
    return bad === undefined ? [] : [{ good: written(sentence), bad: written(bad) }];
  });

/** Words that may as well stand before an article: "only the", "rather a". So may every word in -ly and -ing: "continuing the work". */
const BEFORE_ARTICLES = new Set(
  (
    'about above after all almost also as at before behind below beside between both but by even ever every far first for from half here if in inside ' +
    'just last less like little long many more most much near never next not now of off on once one only or outside over quite rather so still such ' +
    'than that then this too twice under up upon well what which while with within without yet'
  ).split(' '),
);

/**
 * Puts an article after the word that follows it: "on the deck of a ship" becomes "on deck the of a ship".
 *
 * @param {string} sentence
 * @returns {string | undefined} undefined where there is no article in the sentence between words in lower case
 */
export function swapArticle(sentence) {
  const places = [...sentence.matchAll(/(?<=[a-z] )(the|a|an) ([a-z]+)(?= [a-z])/g)].filter(
    ([, , word]) => word !== undefined && !BEFORE_ARTICLES.has(word) && !/(?:ly|ing)$/.test(word),
  );
  const place = places[Math.floor(drawn('swap', sentence) * places.length)];
  if (!place) return undefined;
  const [found, article, word] = place;
  return `${sentence.slice(0, place.index)}${word} ${article}${sentence.slice(place.index + found.length)}`;
}

/**
 * The other number of a verb, by the tags of its subject and of itself in the Brown corpus.
 * @type {Record<string, Record<string, string>>}
 */
const OTHER_NUMBER = {
  'nn bez': { is: 'are' },
  'nn bedz': { was: 'were' },
  'nn hvz': { has: 'have' },
  'nn doz': { does: 'do' },
  'nns ber': { are: 'is' },
  'nns bed': { were: 'was' },
  'nns hv': { have: 'has' },
  'nns do': { do: 'does' },
};
const DETERMINERS = new Set(['at', 'dt', 'dts', 'pp$']);
/** Nouns that take a verb of either number. */
const EITHER_NUMBER = new Set(
  (
    'audience committee company couple crew family government group half jury majority means minority number pair percent public remainder rest staff ' +
    'team variety'
  ).split(' '),
);

/**
 * Breaks the agreement of a verb with its subject: "The old man was …" becomes "The old man were …". Only where the sentence begins with a determiner,
 * adjectives and the noun just before the verb, so that this noun is the subject's head.
 *
 * @param {string} tagged a sentence of the Brown corpus, `word/tag`
 * @returns {string | undefined} tagged as it was; undefined where the sentence begins in another way
 */
export function breakAgreement(tagged) {
  const tokens = tagged
    .trim()
    .split(/\s+/)
    .map((token) => /** @type {const} */ ([token.replace(/\/[^/]*$/, ''), token.slice(token.lastIndexOf('/') + 1)]));
  if (!DETERMINERS.has(tokens[0]?.[1] ?? '')) return undefined;
  const at = tokens.findIndex(([, tag], i) => i > 0 && tag !== 'jj');
  const [[noun, kind] = ['', ''], [verb, tag] = ['', '']] = tokens.slice(at, at + 2);
  const other = OTHER_NUMBER[`${kind} ${tag}`]?.[verb];
  if (other === undefined || EITHER_NUMBER.has(noun)) return undefined;
  return tokens.map(([word, its], i) => `${i === at + 1 ? other : word}/${its}`).join(' ');
}
