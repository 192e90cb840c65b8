import { UserError } from '../shared/errors';
import type { Hypothesis } from './beams';
import { openModel } from './model';
import { Writer, type WriteOptions } from './writer';

export interface GenerateOptions extends WriteOptions {
  readonly beams: number;
}

export interface Generated extends Hypothesis {
  readonly text: string;
}

/**
 * Texts by a model that was trained to write: continuations by a causal language model, answers to a text by a sequence-to-sequence one.
 *
 * @returns the best texts of beam search, best first; one for a single beam, which is greedy search
 * @throws UserError (code `model`) when the model does not write, (code `text`) when the text is too long for it
 */
export async function generate(path: string, text: string, { beams, ...options }: GenerateOptions): Promise<Generated[]> {
  const model = openModel(path);
  const { tokenizer, writing, folder } = model;
  if (!writing) {
    throw new UserError(
      `The model in ${folder} was not trained to write text.`,
      'Choose a run whose objectives include "clm" or "seq2seq".',
      'model',
    );
  }
  const { ids } = await tokenizer.encode(text);
  const most = writing.reads ? writing.reads.length - 2 : writing.longest - 2;
  if (ids.length > most) {
    throw new UserError(`The text has ${ids.length} tokens, and this model reads at most ${most}.`, 'Shorten it.', 'text');
  }
  const writer = await Writer.open(model, writing, { texts: 1, beams });
  try {
    const [found] = await writer.write([ids], options);
    return await Promise.all(found!.map(async (each) => ({ ...each, text: await tokenizer.decode(each.ids) })));
  } finally {
    await writer.release();
  }
}
