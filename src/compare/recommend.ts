import type { ComparedCell, ComparedProbe, Recommendation } from '../shared/comparison-types';
import { seedsNeeded, type Pair } from './statistics';
import { amount, gap, LEVEL } from '../shared/comparison-words';

/** Why a variant has no value that it may have yet. */
export const NOT_DONE = 'no member is done yet';

/** More seeds than anybody trains. */
const MOST_SEEDS = 100;

/**
 * What to choose for one task, in words that claim no more than the numbers.
 *
 * @param planned seeds that each variant is to have
 */
export function recommend(probe: ComparedProbe, cells: readonly ComparedCell[], pairs: readonly Pair[], planned: number): Recommendation {
  const sorted = cells.filter(({ rank }) => rank !== undefined).sort((a, b) => a.rank! - b.rank!);
  const [best, ...others] = sorted;
  if (!best?.result)
    return { probe: probe.name, variant: '', certainty: 'unknown', rivals: [], text: 'No variant has a value yet; the report says why.' };
  const said = `${best.variant}: ${amount(best.result.mean, probe)}`;
  const answer = { probe: probe.name, variant: best.variant };
  if (others.length === 0) return { ...answer, certainty: 'unknown', rivals: [], text: `${said}, the only one that has a value.` };
  const against = others.map(({ variant }) =>
    inFavour(
      best.variant,
      pairs.find(({ a, b }) => pairIs(a, b, best.variant, variant))!,
    ),
  );
  const seeds = Math.max(...against.map((pair) => pair.seeds));
  if (seeds < 2) {
    const text = `${said}, the highest of one seed each. Whether that is luck cannot be told: train at least three seeds.`;
    return {
      ...answer,
      certainty: 'unknown',
      rivals: others.map(({ variant }) => variant),
      text: probe.better === 'lower' ? text.replace('highest', 'lowest') : text,
    };
  }
  // The best mean may be of other seeds than a rival's: only what it is ahead of in the seeds of both is beaten.
  const isBeaten = ({ adjusted, difference }: Pair): boolean => adjusted < LEVEL && difference > 0;
  const rivals = against.filter((pair) => !isBeaten(pair));
  const beaten = against.filter(isBeaten);
  const sentences = [
    beaten.length === 0
      ? `${said}, the best on average.`
      : `${said}, better than ${beaten.map((pair) => versus(pair, probe)).join(', and than ')}.`,
    ...(rivals.length > 0 ? [notTold(rivals, seeds)] : []),
    ...fewerSeeds(cells, planned),
    ...notAboveFloor(best, probe),
  ];
  const open = cells.filter(({ why }) => why === NOT_DONE).map(({ variant }) => variant);
  const untold = [...rivals.map(({ b }) => b), ...open];
  return {
    ...answer,
    certainty: untold.length > 0 ? 'tied' : 'clear',
    rivals: untold,
    text: sentences.join(' '),
  };
}

const pairIs = (a: string, b: string, one: string, other: string): boolean => (a === one && b === other) || (a === other && b === one);

/** The same pair seen from one of its variants. */
function inFavour(variant: string, pair: Pair): Pair {
  if (pair.a === variant) return pair;
  const { a, b, difference, low, high, wins, losses } = pair;
  return { ...pair, a: b, b: a, difference: -difference, low: -high, high: -low, wins: losses, losses: wins };
}

const versus = ({ b, difference, high, wins, seeds }: Pair, probe: ComparedProbe): string =>
  `${b} by ${gap(difference, high - difference, probe)} in ${wins} of ${seeds} seeds`;

function notTold(rivals: readonly Pair[], seeds: number): string {
  const needed = Math.max(...rivals.map(seedsNeeded));
  const more =
    needed > MOST_SEEDS
      ? 'They are so close that more seeds would hardly tell them apart.'
      : `If the differences are what they seem, about ${Math.max(needed, seeds + 1)} seeds would tell.`;
  return `It cannot be told from ${listing(rivals.map(({ b }) => b))} with these ${seeds} seeds. ${more}`;
}

/** A variant that lost seeds, by divergence say, was measured only where it went well; one that has none yet may be the best. */
function fewerSeeds(cells: readonly ComparedCell[], planned: number): string[] {
  const short = cells.flatMap(({ variant, result, why }) => {
    const count = result?.values.length ?? (why === NOT_DONE ? 0 : planned);
    return count < planned ? [`${variant} has ${count === 0 ? 'none' : count}`] : [];
  });
  return short.length === 0 ? [] : [`Not all have a value for each of the ${planned} seeds: ${listing(short)}.`];
}

function notAboveFloor({ result, variant }: ComparedCell, { floor, better }: ComparedProbe): string[] {
  if (!floor || !result) return [];
  const above = better === 'higher' ? result.low > floor.value : result.high < floor.value;
  return above
    ? []
    : [`But not even ${variant} is surely better than ${floor.by} (${Number(floor.value.toPrecision(3))}), so the choice means little.`];
}

/**
 * Of variants that were asked different things nobody is the best; those that were asked one thing have an order among them.
 *
 * @param answers what each group was asked, and what {@link recommend} says of it
 */
export const recommendEach = (probe: ComparedProbe, answers: ReadonlyMap<string, Recommendation>): Recommendation => ({
  probe: probe.name,
  variant: '',
  certainty: 'unknown',
  rivals: [],
  text: [
    'No variant can be called the best: their numbers are of different things, and have no order.',
    ...[...answers].map(([question, { text }]) => `Of ${question}: ${text}`),
  ].join(' '),
});

const listing = (names: readonly string[]): string =>
  names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}` : names.join('');
