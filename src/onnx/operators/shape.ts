import * as ops from '../ops';
import { broadcast, inversePermutation, normaliseAxes, normaliseAxis, size, type Shape } from '../types';
import { dtypeOf, operator, ShapeMismatch } from './operator';

type Ints = readonly number[];

export interface SliceAttributes extends Record<string, Ints> {
  readonly starts: Ints;
  readonly ends: Ints;
  readonly axes: Ints;
  readonly steps: Ints;
}

/** Start (clamped) and number of elements of a slice along one axis, by ONNX's rules for negative and oversized bounds. */
export function sliceRange(extent: number, start: number, end: number, step: number): { first: number; count: number } {
  if (step === 0) throw new ShapeMismatch('a step of 0 goes nowhere');
  const clamp = (i: number): number => {
    const positive = i < 0 ? i + extent : i;
    return step > 0 ? Math.min(Math.max(positive, 0), extent) : Math.min(Math.max(positive, -1), extent - 1);
  };
  const first = clamp(start);
  return { first, count: Math.max(0, Math.ceil((clamp(end) - first) / step)) };
}

export const shape = {
  /** ONNX's rules: one extent may be −1 and follows from the others; one of 0 is copied from the input, or with `allowzero` is 0. */
  Reshape: operator<{ shape: Ints; allowzero?: number }>({
    infer: ([x], { shape: wanted, allowzero = 0 }) => {
      const copied = wanted.map((extent, axis) => (extent === 0 && !allowzero ? x!.shape[axis] : extent));
      const known = size(copied.filter((extent) => extent !== undefined && extent !== -1) as Shape);
      const target = copied.map((extent) => (extent === -1 ? size(x!.shape) / known : extent));
      if (!target.every((extent) => Number.isInteger(extent)) || size(target as Shape) !== size(x!.shape))
        throw new ShapeMismatch(`${size(x!.shape)} elements do not fill [${wanted.join(', ')}]`);
      return [{ dtype: x!.dtype, shape: target as Shape }];
    },
    gradient: ({ inputs: [x] }, [g]) => [g && ops.reshape(g, x!.shape)],
    operands: { shape: 'int64' },
  }),

  /** To the shape that the input and `shape` broadcast to. */
  Expand: operator<{ shape: Ints }>({
    infer: ([x], { shape: target }) => {
      const result = broadcast(x!.shape, target);
      if (!result) throw new ShapeMismatch(`it does not expand to [${target.join(', ')}]`);
      return [{ dtype: x!.dtype, shape: result }];
    },
    gradient: ({ inputs: [x] }, [g]) => [g && ops.sumTo(g, x!.shape)],
    operands: { shape: 'int64' },
  }),

  Transpose: operator<{ perm: Ints }>({
    infer: ([x], { perm }) => {
      if ([...perm].sort((a, b) => a - b).some((axis, i) => axis !== i) || perm.length !== x!.rank) {
        throw new ShapeMismatch(`[${perm.join(', ')}] is not a permutation of its axes`);
      }
      return [{ dtype: x!.dtype, shape: perm.map((axis) => x!.shape[axis]!) }];
    },
    gradient: ({ attributes: { perm } }, [g]) => [g && ops.transpose(g, inversePermutation(perm))],
  }),

  Squeeze: operator<{ axes: Ints }>({
    infer: ([x], { axes }) => {
      const gone = new Set(normaliseAxes(axes, x!.rank));
      if (x!.shape.some((extent, axis) => gone.has(axis) && extent !== 1)) throw new ShapeMismatch('only axes of size 1 can be squeezed');
      return [{ dtype: x!.dtype, shape: x!.shape.filter((_, axis) => !gone.has(axis)) }];
    },
    gradient: ({ inputs: [x] }, [g]) => [g && ops.reshape(g, x!.shape)],
    operands: { axes: 'int64' },
  }),

  Unsqueeze: operator<{ axes: Ints }>({
    infer: ([x], { axes }) => {
      const target = [...x!.shape];
      for (const axis of normaliseAxes(axes, x!.rank + axes.length)) target.splice(axis, 0, 1);
      return [{ dtype: x!.dtype, shape: target }];
    },
    gradient: ({ inputs: [x] }, [g]) => [g && ops.reshape(g, x!.shape)],
    operands: { axes: 'int64' },
  }),

  Concat: operator<{ axis: number }>({
    infer: (inputs, { axis }) => {
      const dtype = dtypeOf(inputs);
      const [first] = inputs;
      const along = normaliseAxis(axis, first!.rank);
      for (const { shape: other } of inputs) {
        if (other.length !== first!.rank || other.some((extent, i) => i !== along && extent !== first!.shape[i])) {
          throw new ShapeMismatch(`the shapes differ beside axis ${along}`);
        }
      }
      const total = inputs.reduce((sum, x) => sum + x.shape[along]!, 0);
      return [{ dtype, shape: first!.shape.map((extent, i) => (i === along ? total : extent)) }];
    },
    gradient: ({ inputs, attributes: { axis } }, [g]) => {
      if (!g) return [];
      return ops.split(
        g,
        inputs.map((x) => x.shape.at(axis)!),
        axis,
      );
    },
  }),

  Split: operator<{ axis: number; split: Ints }>({
    infer: ([x], { axis, split }) => {
      const along = normaliseAxis(axis, x!.rank);
      if (split.reduce((a, b) => a + b, 0) !== x!.shape[along])
        throw new ShapeMismatch(`the parts [${split.join(', ')}] do not add up along axis ${along}`);
      return split.map((part) => ({ dtype: x!.dtype, shape: x!.shape.map((extent, i) => (i === along ? part : extent)) }));
    },
    gradient: ({ outputs, attributes: { axis } }, upstream) =>
      upstream.some(Boolean)
        ? [
            ops.concat(
              outputs.map((y, i) => upstream[i] ?? ops.zeros(y)),
              axis,
            ),
          ]
        : [],
    operands: { split: 'int64' },
  }),

  Slice: operator<SliceAttributes>({
    infer: ([x], { starts, ends, axes, steps }) => {
      const result = [...x!.shape];
      axes.forEach((axis, i) => {
        const along = normaliseAxis(axis, x!.rank);
        result[along] = sliceRange(x!.shape[along]!, starts[i]!, ends[i]!, steps[i]!).count;
      });
      return [{ dtype: x!.dtype, shape: result }];
    },
    // Backwards, a slice is put back where it came from: stretched by its steps, turned round if they were negative, padded with zeros.
    gradient: ({ inputs: [x], attributes: { starts, ends, axes, steps } }, [g]) => {
      if (!x || !g) return [];
      return [
        axes.reduce((part, rawAxis, i) => {
          const axis = normaliseAxis(rawAxis, x.rank);
          const { first, count } = sliceRange(x.shape[axis]!, starts[i]!, ends[i]!, steps[i]!);
          return ops.placeAlong(part, axis, x.shape[axis]!, first, steps[i]!, count);
        }, g),
      ];
    },
    operands: { starts: 'int64', ends: 'int64', axes: 'int64', steps: 'int64' },
  }),

  /** Constant padding; `pads` lists the elements added before each axis, then after each. */
  Pad: operator<{ pads: Ints; value: number }>({
    infer: ([x], { pads }) => {
      if (pads.length !== 2 * x!.rank || pads.some((pad) => pad < 0))
        throw new ShapeMismatch('it needs a non-negative pad before and after every axis');
      return [{ dtype: x!.dtype, shape: x!.shape.map((extent, i): number => extent + pads[i]! + pads[i + x!.rank]!) }];
    },
    gradient: ({ inputs: [x], attributes: { pads } }, [g]) => {
      if (!x || !g) return [];
      const starts = pads.slice(0, x.rank);
      return [
        ops.slice(
          g,
          starts,
          starts.map((start, i) => start + x.shape[i]!),
        ),
      ];
    },
    operands: { pads: 'int64', value: 'like' },
  }),
};
