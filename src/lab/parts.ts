import { linear } from '../model/attention';
import { encode } from '../model/encoder';
import { lmLogits, pool } from '../model/heads';
import { linearParameters, mlmHeadParameters } from '../model/parameters';
import { maskSequence, STANDARD_MASKING } from '../objectives/masking';
import { infoNce, ntXent } from '../objectives/similarity-losses';
import { windowAt, windowCount, windowsOf } from '../objectives/windows';
import { hash32, uniform } from '../shared/random';

/** What objectives are made of, as those of the product are. */
export const parts = {
  /** The encoder: token ids [B, T] to states [B·T, H], row after row. */
  encode,
  /** A linear layer, and its parameters. */
  linear,
  linearParameters,
  /** Scores over the vocabulary, and the parameters of that head. */
  lmLogits,
  mlmHeadParameters,
  /** One vector for each sequence. */
  pool,
  /** Contrastive losses. */
  ntXent,
  infoNce,
  /** Windows of a part of the corpus, in an order of their own for each epoch. */
  windowsOf,
  windowAt,
  windowCount,
  /** Hides tokens of a sequence. */
  maskSequence,
  standardMasking: STANDARD_MASKING,
  /** Numbers that are a pure function of their arguments. */
  hash32,
  uniform,
};
