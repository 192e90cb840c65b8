import { hash32, uniform } from '../shared/random';
import { deleteTokens, joined } from './denoising';

export interface Augmentation {
  /** Probability with which each token is deleted. */
  readonly deletion: number;
  /** Share of the tokens that a random cut-out keeps; 1 keeps all. */
  readonly crop: number;
  /** How many pairs of spans change places. */
  readonly swaps: number;
}

const DRAW = { crop: 50, deletion: 51, swap: 52 } as const;
/** Longest span that changes places, as a share of the text. */
const SPAN = 0.25;

/**
 * A view of a text for contrastive learning: cropping and token deletion as in CLEAR (Wu et al., 2020, arXiv 2012.15466) and CoCo-LM, and spans that
 * change places. A pure function of `key`; at least one token is left.
 */
export function augment(ids: Int32Array, { deletion, crop, swaps }: Augmentation, key: number): Int32Array {
  let view = cropped(ids, crop, key);
  for (let i = 0; i < swaps; i++) view = swapped(view, hash32(key, DRAW.swap, i));
  return deletion > 0 ? deleteTokens(view, deletion, hash32(key, DRAW.deletion)).source : view;
}

function cropped(ids: Int32Array, share: number, key: number): Int32Array {
  const length = Math.max(1, Math.round(share * ids.length));
  if (length >= ids.length) return ids;
  const start = hash32(key, DRAW.crop) % (ids.length - length + 1);
  return ids.subarray(start, start + length);
}

/** Two neighbouring spans of equal length change places. */
function swapped(ids: Int32Array, key: number): Int32Array {
  const longest = Math.floor(ids.length * SPAN);
  if (longest < 1) return ids;
  const length = 1 + Math.floor(uniform(key, 0) * longest);
  const start = hash32(key, 1) % (ids.length - 2 * length + 1);
  const [middle, end] = [start + length, start + 2 * length];
  return joined([ids.subarray(0, start), ids.subarray(middle, end), ids.subarray(start, middle), ids.subarray(end)]);
}
