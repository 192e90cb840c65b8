import { input } from '../onnx/graph';
import * as ops from '../onnx/ops';
import type { Product } from '../onnx/flops';
import { serialise } from '../onnx/serialise';
import { tensor, type Shape, type Tensor } from '../onnx/types';
import { Session } from '../train/device';
import { uniform } from '../shared/random';
import { median } from '../shared/statistics';

/** A single-precision matrix product alone in a session: what the machine reaches through ONNX Runtime when there is nothing else to do. */
export class SgemmProbe {
  readonly #milliseconds: number[] = [];

  private constructor(
    readonly product: Product,
    private readonly session: Session,
    private readonly feeds: ReadonlyMap<string, Tensor>,
  ) {}

  static async create(product: Product, threads: number): Promise<SgemmProbe> {
    const { m, n, k, transA, transB } = product;
    const shapes = { a: transA ? [k, m] : [m, k], b: transB ? [n, k] : [k, n] };
    const [a, b] = [input('a', 'float32', shapes.a), input('b', 'float32', shapes.b)];
    const y = ops.gemm(a, b, undefined, { transA: Number(transA), transB: Number(transB) });
    // One element is fetched: handing out the whole product would be timed with it.
    const session = await Session.create(serialise(new Map([['corner', ops.slice(y, [0, 0], [1, 1])]])), { threads });
    return new SgemmProbe(product, session, new Map(Object.entries(shapes).map(([name, shape]) => [name, noise(shape)])));
  }

  async run(): Promise<void> {
    const start = performance.now();
    await this.session.run(this.feeds);
    this.#milliseconds.push(performance.now() - start);
  }

  /** In GFLOP/s, by the median of the runs but the first. */
  get rate(): number {
    const { m, n, k } = this.product;
    return (2 * m * n * k) / median(this.#milliseconds.slice(1)) / 1e6;
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

function noise(shape: Shape): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(
    'float32',
    shape,
    Float32Array.from({ length: count }, (_, i) => uniform(1, i) - 0.5),
  );
}
