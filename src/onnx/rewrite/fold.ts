import type { Node, Value } from '../graph';
import { constant, constantOf } from '../ops';
import { sliceRange, type SliceAttributes } from '../operators/shape';
import { allocate, isFloat, normaliseAxis, size, stored, type DType, type Shape, type Tensor } from '../types';
import type { Rule } from './rewrite';

/** Above this many elements a constant is cheaper to compute at run time than to store in the file. */
const LARGEST = 4096;

/** Computes what depends on nothing but small constants. */
export const fold: Rule = (node) => {
  const value = folded(node);
  return value && [value];
};

function folded(node: Node): Value | undefined {
  const [output] = node.outputs;
  const tensors = node.inputs.map(constantOf);
  if (!output || size(output.shape) > LARGEST || !tensors.every((tensor) => tensor !== undefined)) return undefined;
  // Numbers of 32 bits that wrap around are left to the runtime, and so is what no tensor holds.
  if (output.dtype === 'uint32' || output.dtype === 'bfloat16') return undefined;
  // An expanded number is a few bytes of file whatever its shape.
  if (node.op === 'Expand' && isFloat(output.dtype)) return undefined;
  const { evaluate } = node.operator;
  if (evaluate) {
    const computed = elementwise(evaluate, tensors, output);
    return computed && constant(computed);
  }
  const origin = origins[node.op]?.(node, output);
  return origin && constant(moved(tensors, output, origin));
}

/** Undefined where a whole number is none that double precision holds: a division by zero, an infinity, a number too large. */
function elementwise(evaluate: (...values: number[]) => number, operands: readonly Tensor[], { dtype, shape }: Value): Tensor | undefined {
  if (operands.some((operand) => operand.dtype === 'int64' && !operand.data.every((element) => Number.isSafeInteger(Number(element)))))
    return undefined;
  const store = storing(dtype);
  const data = allocate(stored(dtype), size(shape));
  for (let i = 0; i < data.length; i++) {
    const element = store(evaluate(...operands.map((operand) => Number(operand.data[broadcastPlace(i, shape, operand.shape)]))));
    if (element === undefined) return undefined;
    data[i] = element;
  }
  return { dtype: stored(dtype), shape, data };
}

/** How a result becomes an element: whole numbers are cut off towards zero, as ONNX's division does. */
function storing(dtype: DType): (value: number) => number | bigint | undefined {
  if (isFloat(dtype)) return (value) => value;
  if (dtype === 'bool') return (value) => (value === 0 ? 0 : 1);
  return (value) => {
    const whole = Math.trunc(value);
    if (!Number.isSafeInteger(whole)) return undefined;
    return dtype === 'int64' ? BigInt(whole) : whole;
  };
}

/** Where element `index` of a broadcast result comes from in an operand of the given shape. */
function broadcastPlace(index: number, shape: Shape, operand: Shape): number {
  const place = coordinates(index, shape).slice(shape.length - operand.length);
  return placeOf(
    operand.map((extent, axis) => (extent === 1 ? 0 : place[axis]!)),
    operand,
  );
}

/** Which element of which operand stands at a place of the result. */
type Origin = (place: number[]) => { operand: number; place: number[] };

/** Operators that only move elements. */
const origins: Partial<Record<Node['op'], (node: Node, output: Value) => Origin | undefined>> = {
  Identity: () => (place) => ({ operand: 0, place }),
  Reshape: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose:
    ({ attributes }) =>
    (place) => ({ operand: 0, place: place.map((_, axis) => place[(attributes.perm as readonly number[]).indexOf(axis)]!) }),
  Expand: ({ inputs: [x] }, { rank }) => {
    const lead = rank - x!.rank;
    return (place) => ({ operand: 0, place: x!.shape.map((extent, axis) => (extent === 1 ? 0 : place[axis + lead]!)) });
  },
  Concat: ({ inputs, attributes }) => {
    const axis = normaliseAxis(attributes.axis as number, inputs[0]!.rank);
    return (place) => {
      let [operand, along] = [0, place[axis]!];
      while (along >= inputs[operand]!.shape[axis]!) along -= inputs[operand++]!.shape[axis]!;
      return { operand, place: place.with(axis, along) };
    };
  },
  Slice: ({ inputs: [x], attributes }) => {
    const { starts, ends, axes, steps } = attributes as unknown as SliceAttributes;
    const ranges = axes.map((axis, i) => {
      const along = normaliseAxis(axis, x!.rank);
      return { along, step: steps[i]!, first: sliceRange(x!.shape[along]!, starts[i]!, ends[i]!, steps[i]!).first };
    });
    return (place) => ({
      operand: 0,
      place: ranges.reduce((moving, { along, step, first }) => moving.with(along, first + moving[along]! * step), place),
    });
  },
  Gather: ({ inputs: [x, indices], attributes }) => {
    const axis = normaliseAxis((attributes.axis as number | undefined) ?? 0, x!.rank);
    const { data, shape } = constantOf(indices!)!;
    const extent = x!.shape[axis]!;
    if ([...data].some((index) => Number(index) < -extent || Number(index) >= extent)) return undefined;
    return (place) => {
      const index = Number(data[placeOf(place.slice(axis, axis + shape.length), shape)]);
      return { operand: 0, place: [...place.slice(0, axis), index < 0 ? index + extent : index, ...place.slice(axis + shape.length)] };
    };
  },
};

/** A change of shape keeps the order of the elements. */
function reshaped({ inputs: [x] }: Node, output: Value): Origin {
  return (place) => ({ operand: 0, place: coordinates(placeOf(place, output.shape), x!.shape) });
}

function moved(operands: readonly Tensor[], { dtype, shape }: Value, origin: Origin): Tensor {
  const data = allocate(stored(dtype), size(shape));
  for (let i = 0; i < data.length; i++) {
    const { operand, place } = origin(coordinates(i, shape));
    const from = operands[operand]!;
    data[i] = from.data[placeOf(place, from.shape)]!;
  }
  return { dtype: stored(dtype), shape, data };
}

/** The place along each axis of element `index` in row-major order. */
function coordinates(index: number, shape: Shape): number[] {
  const place: number[] = [];
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return place;
}

const placeOf = (place: readonly number[], shape: Shape): number => shape.reduce((sum, extent, axis) => sum * extent + place[axis]!, 0);
