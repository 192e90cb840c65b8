import type { Attributes, Value } from '../graph';
import type { DType, Type } from '../types';

/** What a gradient rule sees of the node it differentiates. */
export interface Application<A> {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: A;
}

/** One contribution an input; `undefined` where nothing flows (an integer input, say). */
export type Contributions = readonly (Value | undefined)[];

/** An attribute as a constant input: a list of whole numbers, one of them, or a scalar of the first input's type. */
export type OperandKind = 'int64' | 'int64 scalar' | 'like';

/** Thrown by shape rules with the reason only; the caller adds operator, types and place. */
export class ShapeMismatch extends Error {}

/**
 * A row of the operator table: everything the compiler knows of one operator. A row without a gradient rule does not type-check; operators through
 * which no gradient flows (comparisons, say) say so with `gradient: null`.
 */
export interface Operator<A = never> {
  /** The outputs' types; throws {@link ShapeMismatch} when the inputs do not fit. */
  readonly infer: (inputs: readonly Value[], attributes: A) => readonly Type[];
  /** Writes the gradients of the inputs in other operators, given the gradient of each output (`undefined` for one that nothing depends on). */
  readonly gradient: ((application: Application<A>, upstream: readonly (Value | undefined)[]) => Contributions) | null;
  /** How it is written in other operators, every output of it. */
  readonly lower?: (inputs: readonly Value[], attributes: A) => readonly Value[];
  /** Where it is lowered: everywhere, since ONNX does not have it, or on the CPU alone, whose kernel takes longer than the parts. */
  readonly lowered?: 'everywhere' | 'cpu';
  readonly domain?: 'com.microsoft';
  /** Attributes that ONNX takes as constant inputs after the others. */
  readonly operands?: Readonly<Record<string, OperandKind>>;
  /** Elementwise operators on plain numbers: lets constants be folded. Booleans are 0 and 1. */
  readonly evaluate?: (...values: number[]) => number;
}

export const operator = <A extends Attributes>(row: Operator<A>): Operator<A> => row;

export const dtypeOf = (inputs: readonly Value[]): DType => {
  const [first] = inputs;
  if (!first) throw new ShapeMismatch('it needs an input');
  for (const { dtype } of inputs)
    if (dtype !== first.dtype) throw new ShapeMismatch(`the element types ${first.dtype} and ${dtype} differ`);
  return first.dtype;
};
