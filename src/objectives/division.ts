import type { Batch, Instance, Rowwise } from './objective';

/**
 * Adds to an objective that its batches can be computed in parts: losses that are means over rows, or sums with weights that add up to 1.
 *
 * @param create makes the objective with so many rows a batch
 */
export function withDivision(rows: number, { weights, metrics }: Rowwise, create: (rows: number) => Instance): Instance {
  const instance = create(rows);
  const into = (count: number): Instance => {
    const part = (batch: Batch, index: number): Batch => partOf(batch, index, count, weights);
    return { ...instance, parts: { count, instance: create(rows / count), part, metrics } };
  };
  return { ...instance, division: { rows, into } };
}

/** A share of the rows of a batch, whose tensors all begin with its rows. Weights add up to 1 in the mean over the parts, as they did over the whole. */
const partOf = (batch: Batch, index: number, count: number, weights: readonly string[]): Batch =>
  Object.fromEntries(
    Object.entries(batch).map(([name, { dtype, shape, data }]) => {
      const size = data.length / count;
      const own = data.slice(index * size, (index + 1) * size);
      if (weights.includes(name)) own.forEach((weight, i) => (own[i] = Number(weight) * count));
      return [name, { dtype, shape: [shape[0]! / count, ...shape.slice(1)], data: own }];
    }),
  );
