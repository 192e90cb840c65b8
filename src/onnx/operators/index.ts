import { elementwise } from './elementwise';
import { indexing } from './indexing';
import { matmul } from './matmul';
import { normalise } from './normalise';
import type { Operator } from './operator';
import { reduce } from './reduce';
import { shape } from './shape';

/** The operator table: shape rule, gradient rule and ONNX form of everything that a graph can say. */
export const operators = { ...elementwise, ...reduce, ...matmul, ...shape, ...indexing, ...normalise } satisfies Record<string, Operator>;

export type OperatorName = keyof typeof operators;
export type AttributesOf<K extends OperatorName> = (typeof operators)[K] extends Operator<infer A> ? A : never;
export type { Operator } from './operator';
