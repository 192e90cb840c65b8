import { topologicalOrder, type Node, type Outputs } from './graph';
import { size } from './types';

/** A matrix product [m, k] · [k, n], `batch` times over. */
export interface Product {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly transB: boolean;
}

/** The matrix product that a node is, if it is one. */
export function productOf({ op, inputs: [a, b], outputs: [y], attributes }: Node): Product | undefined {
  if (!a || !b || !y || (op !== 'MatMul' && op !== 'FusedMatMul' && op !== 'Gemm') || a.rank < 2 || b.rank < 2) return undefined;
  const { transA = 0, transB = 0 } = attributes as { transA?: number; transB?: number };
  const [m, n] = y.shape.slice(-2) as [number, number];
  return { batch: size(y.shape.slice(0, -2)), m, n, k: a.shape.at(transA ? -2 : -1)!, transA: transA === 1, transB: transB === 1 };
}

/** The matrix products of a graph. */
export const productsOf = (outputs: Outputs): Product[] => topologicalOrder(outputs.values()).flatMap((node) => productOf(node) ?? []);

/** Floating-point operations of matrix products: a multiplication and an addition for each term. All else is not counted, as is the custom. */
export const flopsOf = (products: readonly Product[]): number =>
  products.reduce((sum, { batch, m, n, k }) => sum + 2 * batch * m * n * k, 0);
