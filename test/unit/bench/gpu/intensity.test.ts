import { describe, expect, it } from 'vitest';
import { cardOf } from '../../../../src/bench/gpu/cards';
import { intensityOf, rooflineSeconds, workOf } from '../../../../src/bench/gpu/intensity';
import { input } from '../../../../src/onnx/graph';
import * as ops from '../../../../src/onnx/ops';

const [M, N, K] = [64, 32, 128];
const a = input('a', 'float32', [M, K]);
const b = input('b', 'float32', [K, N]);

describe('the work of a graph', () => {
  it('is what its products multiply, and what every kernel reads and writes', () => {
    const y = ops.exp(ops.reshape(ops.matMul(a, b), [M * N]));
    const work = workOf(new Map([['y', y]]));
    const product = { flops: 2 * M * N * K, bytes: 4 * (M * K + K * N + M * N) };
    expect(work).toEqual([product, { flops: 0, bytes: 4 * 2 * M * N }]);
    const bytes = product.bytes + 8 * M * N;
    expect(intensityOf(work)).toEqual({
      kernels: 2,
      flops: product.flops,
      productBytes: product.bytes,
      bytes,
      productIntensity: product.flops / product.bytes,
      stepIntensity: product.flops / bytes,
    });
  });

  it('of a look-up is what is looked up, not the table', () => {
    const rows = ops.gather(a, input('rows', 'int64', [3]));
    expect(workOf(new Map([['rows', rows]]))).toEqual([{ flops: 0, bytes: 4 * 2 * 3 * K + 8 * 3 }]);
  });

  it('takes at the roofline the longer of its operations and its bytes, kernel by kernel', () => {
    const work = [
      { flops: 4e12, bytes: 1e9 },
      { flops: 0, bytes: 6e9 },
    ];
    expect(rooflineSeconds(work, 2, 3)).toBeCloseTo(2 + 2, 12);
  });
});

it.each([
  ['NVIDIA H100 80GB HBM3', 'H100 SXM'],
  ['NVIDIA H100 PCIe', 'H100 PCIe'],
  ['NVIDIA H100 NVL', 'H100 NVL'],
  ['NVIDIA H200', 'H200 SXM'],
  ['NVIDIA GH200 480GB', undefined],
  ['NVIDIA A100-SXM4-40GB', 'A100 40GB'],
  ['NVIDIA A100-SXM4-80GB', 'A100 80GB'],
  ['NVIDIA A100 80GB PCIe', 'A100 80GB'],
  ['NVIDIA L4', 'L4'],
  ['NVIDIA L40S', 'L40S'],
  ['NVIDIA L40', undefined],
  ['NVIDIA A10', 'A10'],
  ['NVIDIA A10G', undefined],
  ['Tesla T4', 'T4'],
  ['NVIDIA GeForce RTX 4090', 'RTX 4090'],
  ['NVIDIA GeForce RTX 4090 D', undefined],
  ['NVIDIA GeForce RTX 4090 Laptop GPU', undefined],
])('%s has the peaks of %s', (name, card) => {
  expect(cardOf(name)?.name).toBe(card);
});
