import type { BatchExample, BatchToken } from '../shared/types';
import type { Tensor } from '../onnx/types';
import type { Batch } from './objective';

/** A batch as a step trains on it, and what the model made of it: the loss's `parts`. */
export interface Trained {
  readonly batch: Batch;
  readonly part: (name: string) => Tensor;
  readonly token: (id: number) => string;
  /** Examples that are wanted, the first ones. */
  readonly most: number;
}

/** The first examples of a batch, and how many there are. */
export interface ShownExamples {
  readonly size: number;
  readonly examples: BatchExample[];
}

/** The first of `size` examples, each made by its number. */
export const examplesOf = (size: number, { most }: Trained, example: (row: number) => BatchExample): ShownExamples => ({
  size,
  examples: Array.from({ length: Math.min(size, most) }, (_, row) => example(row)),
});

/** A row of a matrix of numbers, or the numbers of a vector that belong to a row. */
export function rowOf({ data }: Tensor, rows: number, row: number): number[] {
  const width = data.length / rows;
  return Array.from({ length: width }, (_, i) => Number(data[row * width + i]));
}

/** A row's tokens without padding, one by one. @param describe adds what is to be said of a token beyond its name */
export function tokensOf(
  { batch, token }: Trained,
  ids: readonly number[],
  row: number,
  describe: (place: number, id: number) => Omit<BatchToken, 'token'> = () => ({}),
): BatchToken[] {
  const mask = batch.attentionMask;
  const shown = mask && rowOf(mask, mask.shape[0]!, row);
  return ids.flatMap((id, place) => (shown?.[place] === 0 ? [] : [{ token: token(id), ...describe(place, id) }]));
}

/** What was hidden in a row of masked windows: for each place the token that stood there, and the loss there. */
export function hiddenIn({ batch, part }: Trained, losses: string, row: number): ReadonlyMap<number, { label: number; loss: number }> {
  const rows = batch.slots!.shape[0]!;
  const of = (tensor: Tensor): number[] => rowOf(tensor, rows, row);
  const [labels, weights, paid] = [of(batch.labels!), of(batch.weights!), of(part(losses))];
  return new Map(of(batch.slots!).flatMap((place, i) => (weights[i]! > 0 ? [[place, { label: labels[i]!, loss: paid[i]! }]] : [])));
}

/** How a hidden token was replaced. */
export const markOf = (shown: number, label: number, mask: number | undefined): BatchToken['mark'] =>
  shown === mask ? 'masked' : shown === label ? 'kept' : 'random';

/** What stood in a hidden place, and what the model paid for it: −log of the probability that it gave to it. */
export const told = ({ label, loss }: { label: number; loss: number }, token: Trained['token']): Omit<BatchToken, 'token'> => ({
  truth: token(label),
  loss,
  probability: Math.exp(-loss),
});

export const meanOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

/** @throws Error for a part that the loss did not name */
export const partsOf =
  (outputs: ReadonlyMap<string, Tensor>, prefix: string): Trained['part'] =>
  (name) => {
    const found = outputs.get(`${prefix}${name}`);
    if (!found) throw new Error(`The loss has no part "${name}".`);
    return found;
  };
