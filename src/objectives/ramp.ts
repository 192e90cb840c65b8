import * as z from 'zod';

/** A number, or one that moves in a straight line from the first step to the last. */
export type Ramp = number | { readonly from: number; readonly to: number };

/** The option of a number that may move. @param what such as `share` */
export function ramp<N extends z.ZodNumber>(number: N, what: string) {
  const title = what.charAt(0).toUpperCase() + what.slice(1);
  return z.union([
    number,
    z
      .strictObject({ from: number.describe(`${title} at the first step.`), to: number.describe(`${title} at the last step.`) })
      .describe(`A ${what} that moves in a straight line from the first step to the last.`),
  ]);
}

/** The number at a step, from 0; after the last step it stays. */
export function rampAt(value: Ramp, step: number, steps: number): number {
  return typeof value === 'number' ? value : value.from + ((value.to - value.from) * Math.min(step, steps - 1)) / Math.max(1, steps - 1);
}

export const highestOf = (value: Ramp): number => (typeof value === 'number' ? value : Math.max(value.from, value.to));
