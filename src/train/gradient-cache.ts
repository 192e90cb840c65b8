import { grad } from '../onnx/grad';
import { input, scope, type Outputs, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { flopsOf, productsOf } from '../onnx/flops';
import { optimise } from '../onnx/optimise';
import { serialise } from '../onnx/serialise';
import { filled, type Shape, type Tensor } from '../onnx/types';
import type { ModelConfig } from '../model/config';
import { lookUp, parameterInputs } from '../model/parameters';
import type { Instance } from '../objectives';
import type { CachedLoss } from '../objectives/objective';
import { buffersOf, bufferName, evaluationOutputs, feedsOfPart, lossContext, parametersOf, stepKey, weightOf } from './compile';
import { Session, targetOf, type SessionOptions } from './device';
import { accumulate, gradientTensors, nextBuffers, normOf, numbers, type GradientSource, type Tensors } from './gradients';
import type { Measurement } from './evaluate';
import type { TrainingState } from './state';
import { gradientName, nextName } from './step';

/** An objective with a gradient cache. */
export type CachedInstance = Instance & { readonly cached: CachedLoss };
export const isCached = (instance: Instance): instance is CachedInstance => instance.cached !== undefined;

const EMBEDDINGS = 'embeddings';
const CHUNK = 'chunk';

/**
 * The gradient of a loss over embeddings in the memory of one chunk of them (GradCache: Gao et al., 2021, arXiv 2101.06983): embed every chunk and keep
 * nothing but the embeddings; differentiate the loss by them; embed every chunk again, now backwards from that derivative. The sum over the chunks is
 * the gradient of the whole batch. A chunk draws the same dropout masks both times, and others than the next chunk.
 */
export async function cachedGradients(
  config: ModelConfig,
  instance: CachedInstance,
  recompute: boolean | undefined,
  state: TrainingState,
  options: SessionOptions,
): Promise<GradientSource> {
  const { cached, parameters: own } = instance;
  const specs = parametersOf(config, [instance]);
  const embedder = await Embedder.create(config, instance, options);
  const comparison = await createSession(compileComparison(config, instance, embedder.shape, options), options);
  const backward = await createSession(compileBackward(config, instance, options, recompute), options);

  const derivative = filled('float32', embedder.shape, 0);
  const parts = { own: gradientTensors(own), all: gradientTensors(specs) };
  const buffers = nextBuffers({ buffers: buffersOf([instance]) });

  return {
    specs,
    async compute(feeds, into) {
      const embeddings = await embedder.embed(feeds, state.parameters);
      const scalars = numbers(
        await comparison.run(
          new Map([...state.parameters, ...state.buffers, ...feeds, [EMBEDDINGS, embeddings]]),
          new Map([...parts.own, ...buffers, [gradientName(EMBEDDINGS), derivative]]),
        ),
      );
      for (const { data } of into.values()) data.fill(0 as never);
      const add = (more: Tensors): void => {
        for (const [name, { data }] of more) accumulate(into.get(name)!, data as Float32Array);
      };
      add(parts.own);
      for (let i = 0; i < cached.count; i++) {
        const chunk = embedder.chunk(feeds, state.parameters, i).set(gradientName(CHUNK), embedder.part(derivative, i));
        await backward.run(chunk, parts.all);
        add(parts.all);
      }
      state.turn(buffers);
      return scalars.set('gradientNorm', normOf(into));
    },
    async release() {
      for (const session of [embedder, comparison, backward]) await session.release();
    },
  };
}

/** Measures held-out batches in the memory of one chunk. */
export async function cachedEvaluation(
  config: ModelConfig,
  instance: CachedInstance,
  parameters: Tensors,
  options: SessionOptions,
): Promise<Measurement> {
  const { cached, type } = instance;
  const embedder = await Embedder.create(config, instance, options, cached.heldOut);
  const inputs = lookUp(parameterInputs(parametersOf(config, [instance])));
  const context = cached.heldOut(lossContext(instance, inputs, instance.evaluationFeeds, stepKey()));
  const outputs = evaluationOutputs(scope(type, () => cached.loss(input(EMBEDDINGS, 'float32', embedder.shape), context)));
  const comparison = await createSession(optimiseFor(options, outputs), options);
  return {
    async run(feeds) {
      const embeddings = await embedder.embed(feeds, parameters);
      return comparison.run(new Map([...parameters, ...feeds, [EMBEDDINGS, embeddings]]));
    },
    async release() {
      for (const session of [embedder, comparison]) await session.release();
    },
  };
}

const createSession = (graph: Outputs, options: SessionOptions): Promise<Session> =>
  Session.create(serialise(graph, { muted: targetOf(options) !== 'anywhere' }), options);

const optimiseFor = (options: SessionOptions, graph: Outputs): Outputs => optimise(graph, targetOf(options), options.precision);

/** Embeds a batch chunk by chunk. */
class Embedder {
  readonly #embeddings: Tensor;

  private constructor(
    private readonly instance: CachedInstance,
    private readonly session: Session,
    private readonly rows: number,
    private readonly width: number,
  ) {
    this.#embeddings = filled('float32', this.shape, 0);
  }

  /** @param context what the embedding is written with, made from what it is given */
  static async create(
    config: ModelConfig,
    instance: CachedInstance,
    options: SessionOptions,
    context?: CachedLoss['heldOut'],
  ): Promise<Embedder> {
    const graph = compileEmbedder(config, instance, options, context);
    return new Embedder(instance, await createSession(graph, options), ...(graph.get(CHUNK)!.shape as [number, number]));
  }

  /** Shape of the embeddings of a batch. */
  get shape(): Shape {
    return [this.instance.cached.count * this.rows, this.width];
  }

  /** What is fed for a chunk of a batch. */
  chunk(feeds: Tensors, parameters: Tensors, index: number): Map<string, Tensor> {
    return new Map([...parameters, ...feedsOfPart(this.instance, feeds, index, this.instance.cached.chunk)]);
  }

  /** The rows of a chunk in a tensor of {@link shape}. */
  part({ data }: Tensor, index: number): Tensor {
    const size = this.rows * this.width;
    return { dtype: 'float32', shape: [this.rows, this.width], data: (data as Float32Array).subarray(index * size, (index + 1) * size) };
  }

  /** The embeddings of a batch, in a tensor that the next call writes over. */
  async embed(feeds: Tensors, parameters: Tensors): Promise<Tensor> {
    for (let i = 0; i < this.instance.cached.count; i++)
      await this.session.run(this.chunk(feeds, parameters, i), new Map([[CHUNK, this.part(this.#embeddings, i)]]));
    return this.#embeddings;
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

/** FLOP of the matrix products of one step with the gradient cache: every chunk is embedded twice, the second time to be differentiated. */
export function cachedFlops(config: ModelConfig, instance: CachedInstance, options: SessionOptions): number {
  const [embed, compare, backward] = cachedGraphs(config, instance, options).map((graph) => flopsOf(productsOf(graph)));
  return compare! + instance.cached.count * (embed! + backward!);
}

/** What a step with the gradient cache runs: the embedder of a chunk, the comparison of all embeddings, and a chunk backwards. */
export function cachedGraphs(config: ModelConfig, instance: CachedInstance, options: SessionOptions, recompute?: boolean): Outputs[] {
  const embedder = compileEmbedder(config, instance, options);
  const [rows, width] = embedder.get(CHUNK)!.shape as [number, number];
  const shape = [instance.cached.count * rows, width];
  return [embedder, compileComparison(config, instance, shape, options), compileBackward(config, instance, options, recompute)];
}

/** The embeddings of one chunk. @param context what the embedding is written with, made from what it is given */
function compileEmbedder(
  config: ModelConfig,
  instance: CachedInstance,
  options: SessionOptions,
  context: CachedLoss['heldOut'] = (given) => given,
): Outputs {
  const { cached, type } = instance;
  const inputs = lookUp(parameterInputs(parametersOf(config, [instance])));
  const chunk = scope(type, () => cached.embed(context(lossContext(instance, inputs, cached.feeds, stepKey()))));
  return optimiseFor(options, new Map([[CHUNK, chunk]]));
}

/** The loss of all embeddings, its derivative by them, and the gradients of the objective's own parameters. */
function compileComparison(config: ModelConfig, instance: CachedInstance, shape: Shape, options: SessionOptions): Outputs {
  const { cached, type, parameters: own } = instance;
  const inputs = parameterInputs(parametersOf(config, [instance]));
  const embeddings = input(EMBEDDINGS, 'float32', shape);
  const { loss, next = {} } = scope(type, () => cached.loss(embeddings, lossContext(instance, lookUp(inputs), instance.feeds, stepKey())));
  const total = ops.mul(loss, weightOf(instance));
  const [derivative, ...gradients] = grad(total, [embeddings, ...own.map(({ name }) => inputs.get(name)!)]);
  return optimiseFor(
    options,
    new Map([
      [`loss:${type}`, loss],
      ['loss:total', ops.identity(total)],
      [gradientName(EMBEDDINGS), derivative!],
      ...own.map(({ name }, i) => [gradientName(name), gradients[i]!] as const),
      ...Object.entries(next).map(([name, value]) => [nextName(bufferName(type, name)), ops.identity(value)] as const),
    ]),
  );
}

/** One chunk backwards: the gradient of Σ embeddings · derivative by every parameter. */
function compileBackward(config: ModelConfig, instance: CachedInstance, options: SessionOptions, recompute?: boolean): Outputs {
  const { cached, type } = instance;
  const inputs = parameterInputs(parametersOf(config, [instance]));
  const chunk: Value = scope(type, () => cached.embed(lossContext(instance, lookUp(inputs), cached.feeds, stepKey())));
  const derivative = input(gradientName(CHUNK), 'float32', chunk.shape);
  const gradients = grad(ops.reduceSum(ops.mul(chunk, derivative)), [...inputs.values()], recompute);
  return optimiseFor(options, new Map([...inputs.keys()].map((name, i) => [gradientName(name), gradients[i]!])));
}
