import { describe, expect, it } from 'vitest';
import oracle from '../../oracle/operators.json';
import type { Value } from '../../../src/onnx/graph';
import { grad } from '../../../src/onnx/grad';
import { operators, type OperatorName } from '../../../src/onnx/operators';
import * as ops from '../../../src/onnx/ops';
import { isFloat, type DType, type Shape } from '../../../src/onnx/types';
import { evaluate, fed } from '../support/evaluate';

interface Recorded {
  readonly shape: Shape;
  readonly data: readonly number[];
}

interface Case {
  readonly op: string;
  readonly name: string;
  readonly attributes: Record<string, never>;
  readonly inputs: readonly (Recorded & { readonly dtype: string })[];
  readonly outputs: readonly Recorded[];
  readonly upstream: readonly (Recorded | null)[];
  readonly gradients: readonly (Recorded | null)[];
}

/** ONNX Runtime's CPU kernels of these know single precision only; the others are compared in double. */
const SINGLE = new Set(['Erf', 'Gelu', 'FusedMatMul', 'Softplus', 'LayerNormalization', 'Cast']);

const { cases } = oracle as unknown as { cases: Case[] };

describe('operators agree with PyTorch, forward and backward', () => {
  for (const { op, name, ...recorded } of cases) {
    it(`${op}: ${name}`, async () => {
      const precision: DType = SINGLE.has(op) ? 'float32' : 'float64';
      const floating = (dtype: string): DType => (dtype === 'float64' ? precision : (dtype as DType));
      const feeds = recorded.inputs.map(({ dtype, shape, data }) => fed(floating(dtype), shape, data));
      const upstream = recorded.upstream.map((g) => g && fed(precision, g.shape, g.data));
      const results = ops
        .apply(
          op as OperatorName,
          feeds.map((f) => f.value),
          recorded.attributes as never,
        )
        .slice(0, recorded.outputs.length);

      const loss = results.map((y, i) => ops.reduceSum(ops.mul(y, upstream[i]!.value))).reduce(ops.add);
      const differentiable = feeds.filter(({ value }, i) => isFloat(value.dtype) && recorded.gradients[i]);
      const gradients = grad(
        loss,
        differentiable.map((f) => f.value),
      );
      const outputs = new Map<string, Value>([
        ...results.map((y, i): [string, Value] => [`y${i}`, y]),
        ...gradients.map((g, i): [string, Value] => [`g${i}`, g]),
      ]);
      const used = [...feeds, ...upstream.filter((f) => f !== null)];

      for (const optimisation of ['disabled', 'all'] as const) {
        const values = await evaluate(outputs, used, { optimisation });
        recorded.outputs.forEach(({ data, shape }, i) => {
          expect(results[i]!.shape).toEqual(shape);
          near(values.get(`y${i}`)!, data, precision);
        });
        recorded.gradients
          .filter((g) => g !== null)
          .forEach(({ data, shape }, i) => {
            expect(gradients[i]!.shape).toEqual(shape);
            near(values.get(`g${i}`)!, data, precision);
          });
      }
    });
  }

  it('covers every operator that has a gradient rule', () => {
    const covered = new Set(cases.map(({ op }) => op));
    const missing = Object.entries(operators)
      .filter(([op, row]) => row.gradient && !covered.has(op))
      .map(([op]) => op);
    // PyTorch's cast has nothing to record: its gradient is the cast back.
    expect(missing).toEqual(['Cast']);
  });
});

function near(actual: readonly number[], expected: readonly number[], precision: DType): void {
  const tolerance = precision === 'float64' ? 1e-9 : 5e-6;
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) =>
    expect(Math.abs(value - expected[i]!), `element ${i}: ${value} instead of ${expected[i]}`).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(expected[i]!)),
    ),
  );
}
