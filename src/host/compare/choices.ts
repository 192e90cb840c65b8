import type { NewComparison } from '../../shared/trainer-protocol';
import type { ObjectiveSummary } from '../../shared/types';

/** Pairs and triples that papers trained together, offered beside the single objectives. */
const TOGETHER: readonly (readonly string[])[] = [
  ['mlm', 'contrastive'],
  ['mlm', 'nsp'],
  ['mlm', 'sop'],
  ['mlm', 'seq2seq'],
  ['mlm', 'nsp', 'contrastive'],
];

export type NewVariant = NewComparison['variants'][number];
export type Budget = NewComparison['budget'];

/** Every objective alone, then the usual combinations of those that there are. */
export function offeredVariants(known: readonly Pick<ObjectiveSummary, 'type'>[]): NewVariant[] {
  const types = known.map(({ type }) => type);
  const together = TOGETHER.filter((each) => each.every((type) => types.includes(type)));
  return [...types.map((type) => [type]), ...together].map((objectives) => ({ name: objectives.join(' + '), objectives: [...objectives] }));
}

/** `1e13 flops`; undefined for anything else. */
export function parseBudget(text: string): Budget | undefined {
  const [, number, unit] = /^\s*([\d.]+(?:e\+?\d+)?)\s*(flops|tokens|seconds)\s*$/i.exec(text) ?? [];
  const amount = Number(number);
  return unit !== undefined && amount > 0 && Number.isFinite(amount) ? { unit: unit.toLowerCase() as Budget['unit'], amount } : undefined;
}
