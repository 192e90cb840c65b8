/** Element types of tensors, by their ONNX names in lower case. */
export type StoredType = 'float32' | 'float64' | 'int64' | 'int32' | 'uint32' | 'uint8' | 'bool';

/** Element types the compiler knows: those, and one that only values in between have. */
export type DType = StoredType | 'bfloat16';

/** A fixed shape: every size is known when the graph is built. `[]` is a scalar. */
export type Shape = readonly number[];

export interface Type {
  readonly dtype: DType;
  readonly shape: Shape;
}

export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint32Array | Uint8Array;

/** A tensor's contents: row-major elements, one for each place of the shape. Booleans are bytes of 0 and 1. */
export interface Tensor extends Type {
  readonly dtype: StoredType;
  readonly data: TensorData;
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** The element type of a tensor. @throws TypeError for bfloat16 */
export function stored(dtype: DType): StoredType {
  if (dtype === 'bfloat16') throw new TypeError('No tensor holds bfloat16: cast it to float32.');
  return dtype;
}

/** Zeros of the right typed array. */
export function allocate(dtype: StoredType, length: number): TensorData {
  return new arrays[dtype](length);
}

/** A tensor from plain numbers; integers are truncated by their typed array, `int64` by `BigInt`. */
export function tensor(dtype: DType, shape: Shape, values: ArrayLike<number>): Tensor {
  const type = stored(dtype);
  const data = allocate(type, values.length);
  for (let i = 0; i < values.length; i++) data[i] = dtype === 'int64' ? BigInt(values[i] ?? 0) : (values[i] ?? 0);
  if (data.length !== size(shape)) throw new RangeError(`${data.length} values do not fill the shape ${showShape(shape)}.`);
  return { dtype: type, shape, data };
}

/** A tensor of one value throughout. */
export const filled = (dtype: DType, shape: Shape, value: number): Tensor => ({
  dtype: stored(dtype),
  shape,
  data: allocate(stored(dtype), size(shape)).fill((dtype === 'int64' ? BigInt(value) : value) as never),
});

export const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64' || dtype === 'bfloat16';

/** Number of elements; 1 for a scalar. */
export const size = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);

/** Whether numbers can be a shape: whole, none negative, and their product exact. */
export const isShape = (shape: readonly number[]): boolean =>
  shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) && Number.isSafeInteger(size(shape));

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((extent, axis) => extent === b[axis]);

/** Numbers as text, those too that print alike: −0 is not 0. */
export const keyOfNumber = (value: number | bigint): string => (Object.is(value, -0) ? '-0' : String(value));

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

export const showType = ({ dtype, shape }: Type): string => `${dtype}${showShape(shape)}`;

/** The shape two operands broadcast to (NumPy's rule, which is ONNX's), or undefined when they do not. */
export function broadcast(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    result.push(x === 1 ? y : x);
  }
  return result;
}

/** Axes as non-negative numbers in rising order; `undefined` stands for all of them. */
export function normaliseAxes(axes: readonly number[] | undefined, rank: number): readonly number[] {
  if (!axes) return Array.from({ length: rank }, (_, axis) => axis);
  return axes.map((axis) => normaliseAxis(axis, rank)).sort((a, b) => a - b);
}

export function normaliseAxis(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= rank)
    throw new RangeError(`axis ${axis} is outside a tensor of rank ${rank}`);
  return positive;
}

/** The permutation that brings one axis to the front and keeps the order of the others. */
export const axisFirst = (rank: number, axis: number): number[] => [
  axis,
  ...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis),
];

export const inversePermutation = (perm: readonly number[]): number[] => perm.map((_, axis) => perm.indexOf(axis));

/** The permutation that transposes matrices and leaves the batch as it is. */
export const lastTwoSwapped = (rank: number): number[] => [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2];
