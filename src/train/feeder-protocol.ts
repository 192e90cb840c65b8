import type { Batch } from '../objectives/objective';
import type { WireError } from '../shared/rpc';
import type { Split } from '../text/dataset';
import type { Plan } from './plan';
import type { Recipe } from './recipe';

/** What the feeder's thread is started with: what batches are made from, and the first step. */
export interface FeederStart {
  readonly recipe: Recipe;
  readonly from: number;
}

/** What it sends for each step: its batches, or why there are none. */
export type FeederMessage = { readonly batches: readonly Batch[] } | { readonly error: WireError };

/** A batch for each objective of a step (from 0). */
export const batchesOf = (plan: Plan, train: Split, step: number): Batch[] =>
  plan.at(step).map(({ instance }) => instance.batch(train, step));
