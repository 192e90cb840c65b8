import { UserError } from '../shared/errors';
import type { Split } from '../text/dataset';
import type { Examples } from './examples';

/** What an objective takes from both parts of the corpus. */
export interface Demand {
  readonly objective: string;
  /** How many of them a batch takes. */
  readonly least: number;
  /** What they are, in the plural. */
  readonly what: string;
  /** The way out where they are too few. */
  readonly hint: string;
}

/** @throws UserError (code `corpus`) when a part of the corpus has too few documents */
export function requireDocuments(splits: readonly Split[], demand: Demand): void {
  for (const split of splits) requireEnough(split, split.documentCount, demand);
}

/** @throws UserError (code `corpus`) when a part of the corpus has too few examples that will do, and no text twice */
export function requireExamples<T>(splits: readonly Split[], examplesOf: (split: Split) => Examples<T>, demand: Demand): void {
  for (const split of splits) {
    const { count, get, texts } = examplesOf(split);
    const seen = new Set<string>();
    let found = 0;
    for (let index = 0; index < count && found < demand.least; index++) {
      const example = get(index);
      const names = example === undefined ? [] : texts(example).map((text) => text.join());
      if (example === undefined || names.some((name) => seen.has(name))) continue;
      names.forEach((name) => seen.add(name));
      found++;
    }
    requireEnough(split, found, demand);
  }
}

function requireEnough(split: Split, found: number, { objective, least, what, hint }: Demand): void {
  if (found < least) throw tooSmall(split, `${found} ${what}`, `a batch of "${objective}" takes ${least}`, hint);
}

export const tooSmall = ({ name }: Split, has: string, takes: string, hint: string): UserError =>
  new UserError(
    `The corpus is too small: its ${name === 'train' ? 'training' : 'held-out'} part has ${has}, and ${takes}.`,
    hint,
    'corpus',
  );
