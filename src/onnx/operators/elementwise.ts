import * as ops from '../ops';
import type { Value } from '../graph';
import { broadcast, isFloat, type DType, type Type } from '../types';
import { dtypeOf, operator, ShapeMismatch, type Contributions, type Operator } from './operator';

type None = Record<string, never>;

function broadcastType(inputs: readonly Value[], dtype: DType = dtypeOf(inputs)): Type[] {
  const shape = inputs.slice(1).reduce<readonly number[] | undefined>((a, b) => a && broadcast(a, b.shape), inputs[0]?.shape);
  if (!shape) throw new ShapeMismatch('the shapes do not broadcast');
  return [{ dtype, shape }];
}

type Gradient = (inputs: readonly Value[], output: Value, upstream: Value) => readonly Value[];

/** A binary operator whose operands broadcast: its gradients are summed back over the axes that were stretched. */
const binary = (evaluate: (a: number, b: number) => number, gradient: Gradient): Operator<None> =>
  operator<None>({
    infer: (inputs) => broadcastType(inputs),
    gradient: ({ inputs, outputs }, [g]) => {
      if (!g || !outputs[0]) return [];
      return gradient(inputs, outputs[0], g).map((part, i) => ops.sumTo(part, inputs[i]!.shape));
    },
    evaluate,
  });

/** A unary operator; its rule gives the derivative times the upstream gradient. */
const unary = (
  gradient: (x: Value, y: Value, upstream: Value) => Value | undefined,
  evaluate?: (x: number) => number,
  infer = floatType,
): Operator<None> =>
  operator<None>({
    infer,
    gradient: ({ inputs: [x], outputs: [y] }, [g]): Contributions => (x && y && g ? [gradient(x, y, g)] : []),
    ...(evaluate && { evaluate }),
  });

function floatType(inputs: readonly Value[]): Type[] {
  const dtype = dtypeOf(inputs);
  if (!isFloat(dtype)) throw new ShapeMismatch(`it takes floating-point numbers, not ${dtype}`);
  return [{ dtype, shape: inputs[0]!.shape }];
}

/** Floating-point numbers or whole ones with a sign. */
function signedType([x]: readonly Value[]): Type[] {
  const { dtype, shape } = x!;
  if (!isFloat(dtype) && dtype !== 'int64' && dtype !== 'int32') throw new ShapeMismatch(`it takes numbers with a sign, not ${dtype}`);
  return [{ dtype, shape }];
}

const comparison = (evaluate: (a: number, b: number) => boolean): Operator<None> =>
  operator<None>({
    infer: (inputs) => {
      dtypeOf(inputs);
      return broadcastType(inputs, 'bool');
    },
    gradient: null,
    evaluate: (a, b) => Number(evaluate(a, b)),
  });

const logical = (evaluate: (a: number, b: number) => number): Operator<None> =>
  operator<None>({ infer: (inputs) => broadcastType(inputs), gradient: null, evaluate });

/** Splits a gradient between the operands of Max and Min: to the one chosen, halved where they tie (PyTorch's rule). */
function chosen([a, b]: readonly Value[], y: Value, g: Value): Value[] {
  const wins = (x: Value): Value => ops.cast(ops.equal(x, y), g.dtype);
  const [fromA, fromB] = [wins(a!), wins(b!)];
  const share = ops.div(g, ops.add(fromA, fromB));
  return [ops.mul(share, fromA), ops.mul(share, fromB)];
}

const TANH_SCALE = Math.sqrt(2 / Math.PI);
const TANH_CUBIC = 0.044715;

export const elementwise = {
  Add: binary(
    (a, b) => a + b,
    (_, __, g) => [g, g],
  ),
  Sub: binary(
    (a, b) => a - b,
    (_, __, g) => [g, ops.neg(g)],
  ),
  Mul: binary(
    (a, b) => a * b,
    ([a, b], _, g) => [ops.mul(g, b!), ops.mul(g, a!)],
  ),
  Div: binary(
    (a, b) => a / b,
    ([, b], y, g) => {
      const quotient = ops.div(g, b!);
      return [quotient, ops.neg(ops.mul(quotient, y))];
    },
  ),
  Pow: binary(
    (a, b) => a ** b,
    ([a, b], y, g) => [
      // a⁰ has derivative 0 in a, where 0·0⁻¹ would give NaN; for a constant exponent the choice is made by folding.
      ops.mul(g, ops.mul(b!, ops.pow(a!, ops.where(ops.equal(b!, 0), b!, ops.sub(b!, 1))))),
      // 0^b has derivative 0 in b, where log 0 would give NaN.
      ops.mul(g, ops.where(ops.greater(a!, 0), ops.mul(y, ops.log(a!)), ops.like(y, 0))),
    ],
  ),
  Max: binary(Math.max, chosen),
  Min: binary(Math.min, chosen),
  /** The remainder with the sign of the divisor, or with `fmod` of the dividend: a − b·trunc(a/b), the only one of floating-point numbers. */
  Mod: operator<{ fmod?: number }>({
    infer: (inputs, { fmod = 0 }) => {
      const type = broadcastType(inputs);
      if (!fmod && isFloat(type[0]!.dtype)) throw new ShapeMismatch('of floating-point numbers there is only the remainder with fmod = 1');
      return type;
    },
    gradient: ({ inputs: [a, b], outputs: [y] }, [g]) => {
      if (!a || !b || !y || !g) return [];
      return [ops.sumTo(g, a.shape), ops.sumTo(ops.mul(g, ops.div(ops.sub(y, a), b)), b.shape)];
    },
  }),

  Neg: unary(
    (_, __, g) => ops.neg(g),
    (x) => -x,
    signedType,
  ),
  Exp: unary((_, y, g) => ops.mul(g, y), Math.exp),
  Log: unary((x, _, g) => ops.div(g, x), Math.log),
  Sqrt: unary((_, y, g) => ops.div(ops.mul(g, 0.5), y), Math.sqrt),
  Reciprocal: unary(
    (_, y, g) => ops.neg(ops.mul(g, ops.mul(y, y))),
    (x) => 1 / x,
  ),
  Abs: unary((x, _, g) => ops.mul(g, ops.sign(x)), Math.abs, signedType),
  Sign: unary(() => undefined, Math.sign, signedType),
  Relu: unary(
    (x, _, g) => ops.where(ops.greater(x, 0), g, ops.like(g, 0)),
    (x) => Math.max(x, 0),
    signedType,
  ),
  Sin: unary((x, _, g) => ops.mul(g, ops.cos(x)), Math.sin),
  Cos: unary((x, _, g) => ops.neg(ops.mul(g, ops.sin(x))), Math.cos),
  Tanh: unary((_, y, g) => ops.mul(g, ops.sub(1, ops.mul(y, y))), Math.tanh),
  Sigmoid: unary(
    (_, y, g) => ops.mul(g, ops.mul(y, ops.sub(1, y))),
    (x) => 1 / (1 + Math.exp(-x)),
  ),
  Softplus: unary((x, _, g) => ops.mul(g, ops.sigmoid(x))),
  Erf: unary((x, _, g) => ops.mul(g, ops.mul(ops.exp(ops.neg(ops.mul(x, x))), 2 / Math.sqrt(Math.PI)))),
  Identity: operator<None>({ infer: ([x]) => [x!], gradient: (_, [g]) => [g] }),

  /** Hendrycks & Gimpel, 2016 (arXiv 1606.08415): x·Φ(x), exactly or by the tanh approximation. */
  Gelu: operator<{ approximate?: 'none' | 'tanh' }>({
    infer: floatType,
    gradient: ({ inputs: [x], attributes }, [g]) =>
      x && g ? [attributes.approximate === 'tanh' ? ops.mul(g, geluTanhSlope(x)) : ops.mul(ops.mul(g, 0.5), twiceGeluSlope(x))] : [],
    lower: ([x], { approximate }) => {
      if (approximate === 'tanh') return [ops.mul(ops.mul(x!, 0.5), ops.add(ops.tanh(geluTanhArgument(x!)), 1))];
      const { u, twiceCdf } = normalCdf(x!);
      return [ops.mul(ops.mul(u, twiceCdf), Math.SQRT1_2)];
    },
    lowered: 'cpu',
  }),

  Clip: operator<{ min: number; max: number }>({
    infer: ([x], { min, max }) => {
      const type = signedType([x!]);
      if (!isFloat(x!.dtype) && !(Number.isSafeInteger(min) && Number.isSafeInteger(max)))
        throw new ShapeMismatch(`${min} and ${max} are no bounds of whole numbers`);
      return type;
    },
    gradient: ({ inputs: [x], attributes: { min, max } }, [g]) =>
      x && g ? [ops.where(ops.and(ops.less(x, max), ops.less(min, x)), g, ops.like(g, 0))] : [],
    operands: { min: 'like', max: 'like' },
  }),

  Equal: comparison((a, b) => a === b),
  Less: comparison((a, b) => a < b),
  LessOrEqual: comparison((a, b) => a <= b),
  Greater: comparison((a, b) => a > b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  And: logical((a, b) => a & b),
  Or: logical((a, b) => a | b),
  Not: operator<None>({ infer: ([x]) => [x!], gradient: null, evaluate: (x) => 1 - x }),
  IsNaN: operator<None>({ infer: ([x]) => [{ dtype: 'bool', shape: x!.shape }], gradient: null }),

  Where: operator<None>({
    infer: ([condition, a, b]) => {
      if (condition?.dtype !== 'bool') throw new ShapeMismatch('the condition must be boolean');
      return broadcastType([condition, a!, b!], dtypeOf([a!, b!]));
    },
    gradient: ({ inputs: [condition, a, b] }, [g]) => {
      if (!condition || !g) return [];
      const zero = ops.like(g, 0);
      return [undefined, ops.sumTo(ops.where(condition, g, zero), a!.shape), ops.sumTo(ops.where(condition, zero, g), b!.shape)];
    },
    evaluate: (condition, a, b) => (condition ? a : b),
  }),

  Cast: operator<{ to: DType }>({
    infer: ([x], { to }) => [{ dtype: to, shape: x!.shape }],
    gradient: ({ inputs: [x] }, [g]) => [x && g && isFloat(x.dtype) ? ops.cast(g, x.dtype) : undefined],
    evaluate: (x) => x,
  }),
};

/** u = x/√2 and 2Φ(x) = 1 + erf u: both passes of GELU are written in these two, so that they are computed once. */
function normalCdf(x: Value): { u: Value; twiceCdf: Value } {
  const u = ops.mul(x, Math.SQRT1_2);
  return { u, twiceCdf: ops.add(ops.erf(u), 1) };
}

/** 2(Φ(x) + x·φ(x)) = 1 + erf u + u·(2/√π)·exp(−u²), the factor inside the exponential to spare a pass. */
function twiceGeluSlope(x: Value): Value {
  const { u, twiceCdf } = normalCdf(x);
  return ops.add(twiceCdf, ops.mul(u, ops.exp(ops.sub(Math.log(2 / Math.sqrt(Math.PI)), ops.mul(u, u)))));
}

/** √(2/π)(x + 0.044715x³). */
const geluTanhArgument = (x: Value): Value => ops.mul(x, ops.add(ops.mul(ops.mul(x, x), TANH_SCALE * TANH_CUBIC), TANH_SCALE));

/** The derivative of ½x(1 + tanh u) with u = √(2/π)(x + 0.044715x³). */
function geluTanhSlope(x: Value): Value {
  const t = ops.tanh(geluTanhArgument(x));
  const slope = ops.add(ops.mul(ops.mul(x, x), 3 * TANH_SCALE * TANH_CUBIC), TANH_SCALE);
  const bend = ops.mul(ops.mul(x, ops.sub(1, ops.mul(t, t))), slope);
  return ops.mul(ops.add(ops.add(t, 1), bend), 0.5);
}
