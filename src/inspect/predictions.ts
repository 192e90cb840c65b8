import { UserError } from '../shared/errors';
import type { Candidate, Prediction, Span } from '../shared/types';
import type { Encoded } from '../text/tokenizer';
import type { OpenedModel } from './model';
import { logProbabilities, maskOf, negativeLogLikelihoods, type Row } from './rows';
import { MOST_SLOTS } from './sessions';
import { hiddenRows } from './surprisal';
import { planWindows } from './windows';
import { tokensIn } from './words';

/** A span that is hidden behind one mask token: at `index` of what the model reads, in place of the tokens `ids`. */
interface Hidden extends Span {
  readonly index: number;
  readonly ids: Int32Array;
}

/**
 * Hides the tokens that stand in spans of a text, all at once and each span behind one mask token, and predicts every span from the rest. The truth of a
 * span of several tokens is scored with as many mask tokens in its place, by the chain rule, see `surprisal`.
 *
 * @param top candidates for each
 * @returns in the order of the text; spans that touch the same token are one
 * @throws UserError (code `text`) for a span in which no token stands
 */
export async function predict(
  model: OpenedModel,
  text: string,
  spans: readonly Span[],
  top: number,
  signal?: AbortSignal,
): Promise<Prediction[]> {
  const { tokenizer, context } = model;
  const mask = maskOf(model);
  const { ids, hidden } = collapse(await tokenizer.encode(text), spans, mask);
  const size = context - 2;
  const windows = planWindows(
    ids.length,
    hidden.map(({ index }) => index),
    size,
    MOST_SLOTS,
  );
  const answers = await logProbabilities(
    model,
    windows.map(({ start, end, hidden: places }) => ({ ids: ids.slice(start, end), slots: places.map((place) => place - start) })),
    signal,
  );
  const byIndex = new Map(windows.flatMap(({ hidden: places }, i) => places.map((place, slot) => [place, answers[i]![slot]!])));
  const predictions: Prediction[] = [];
  for (const place of hidden) {
    const logP = byIndex.get(place.index)!;
    const candidates = best(logP, top).map((id): Candidate => ({ token: tokenizer.token(id), id, probability: Math.exp(logP[id]!) }));
    const truth = place.ids.includes(mask) ? undefined : await truthOf(model, text, ids, place, logP, signal);
    predictions.push({ start: place.start, end: place.end, candidates, ...(truth && { truth }) });
  }
  return predictions;
}

/** What the model reads: the tokens of a text with a mask token for each span. */
function collapse({ ids, spans: places }: Encoded, spans: readonly Span[], mask: number): { ids: Int32Array; hidden: Hidden[] } {
  const ranges = spans
    .map((span) => {
      const [from, to] = tokensIn(places, span);
      if (from === to) throw new UserError(`No token stands at ${span.start} to ${span.end} of the text.`, undefined, 'text');
      return { from, to };
    })
    .sort((a, b) => a.from - b.from || b.to - a.to);
  const read: number[] = [];
  const hidden: Hidden[] = [];
  let next = 0;
  for (const { from, to } of ranges) {
    if (from < next) continue;
    read.push(...ids.subarray(next, from));
    hidden.push({ start: places[from]!.start, end: places[to - 1]!.end, index: read.length, ids: ids.slice(from, to) });
    read.push(mask);
    next = to;
  }
  read.push(...ids.subarray(next));
  return { ids: Int32Array.from(read), hidden };
}

async function truthOf(
  model: OpenedModel,
  text: string,
  ids: Int32Array,
  { start, end, index, ids: own }: Hidden,
  logP: Float32Array,
  signal?: AbortSignal,
): Promise<NonNullable<Prediction['truth']>> {
  const loss = own.length === 1 ? -logP[own[0]!]! : await lossOf(model, ids, index, own, signal);
  let rank = 1;
  for (const other of logP) if (other > -loss) rank++;
  return { text: text.slice(start, end), pieces: own.length, probability: Math.exp(-loss), rank };
}

/** −log p of several tokens in place of the mask token at `index`. */
async function lossOf(model: OpenedModel, ids: Int32Array, index: number, own: Int32Array, signal?: AbortSignal): Promise<number> {
  const size = model.context - 2;
  // A word as long as the model's sequences is judged by what fits beside some context.
  const shown = own.subarray(0, Math.max(1, Math.floor(size / 2)));
  const before = Math.min(index, Math.floor((size - shown.length) / 2));
  const after = size - shown.length - before;
  const row = Int32Array.from([...ids.subarray(index - before, index), ...shown, ...ids.subarray(index + 1, index + 1 + after)]);
  const rows: (Row & { labels: number[] })[] = hiddenRows(row, [{ from: before, to: before + shown.length }], maskOf(model), 1);
  const losses = await negativeLogLikelihoods(model, rows, signal);
  return losses.reduce((sum, [loss]) => sum + loss!, 0);
}

/** The `top` likeliest tokens, likeliest first. */
function best(logP: Float32Array, top: number): number[] {
  const order = Uint32Array.from(logP.keys()).sort((a, b) => logP[b]! - logP[a]! || a - b);
  return [...order.subarray(0, top)];
}
