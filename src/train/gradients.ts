import { serialise } from '../onnx/serialise';
import { filled, type Tensor } from '../onnx/types';
import type { ParameterSpec } from '../model/parameters';
import { Session, targetOf, type SessionOptions } from './device';
import type { TrainingState } from './state';
import { compileGradients, gradientName, nextName, type GradientOptions } from './step';

/** Tensors by name. */
export type Tensors = ReadonlyMap<string, Tensor>;

/** Where a step's gradients come from. */
export interface GradientSource {
  /** The parameters whose gradients it gives. */
  readonly specs: readonly ParameterSpec[];
  /**
   * @param into receives the gradients, under `gradientName`
   * @returns the step's scalars: losses, and norms of gradients
   */
  compute(feeds: Tensors, into: Tensors): Promise<Map<string, number>>;
  release(): Promise<void>;
}

/** The gradients of all losses by one graph. */
export const directGradients = (losses: GradientOptions, state: TrainingState, options: SessionOptions): Promise<GradientSource> =>
  compiledGradients(serialise(compileGradients(losses, targetOf(options), options.precision), { muted: true }), losses, state, options);

/** @param model the muted model of `compileGradients` */
export async function compiledGradients(
  model: Uint8Array,
  losses: GradientOptions,
  state: TrainingState,
  options: SessionOptions,
): Promise<GradientSource> {
  const session = await Session.create(model, options);
  const buffers = nextBuffers(losses);
  return {
    specs: losses.specs,
    async compute(feeds, into) {
      const scalars = numbers(
        await session.run(new Map([...state.parameters, ...state.buffers, ...feeds]), new Map([...into, ...buffers])),
      );
      state.turn(buffers);
      return scalars;
    },
    release: () => session.release(),
  };
}

/** The sum of what several sources give; `gradientNorm` is that of the sum, and each source's own norm has the name that goes with it. */
export function summedGradients(sources: ReadonlyMap<string, GradientSource>): GradientSource {
  const specs = [...new Map([...sources.values()].flatMap((source) => source.specs).map((spec) => [spec.name, spec])).values()];
  const own = new Map([...sources].map(([name, source]) => [name, gradientTensors(source.specs)]));
  return {
    specs,
    async compute(feeds, into) {
      for (const { data } of into.values()) data.fill(0 as never);
      const scalars = new Map<string, number>();
      let total = 0;
      for (const [name, source] of sources) {
        const gradients = own.get(name)!;
        const { gradientNorm, 'loss:total': loss, ...rest } = Object.fromEntries(await source.compute(feeds, gradients));
        for (const [key, value] of Object.entries(rest)) scalars.set(key, value);
        scalars.set(`gradientNorm:${name}`, gradientNorm!);
        total += loss!;
        for (const [key, { data }] of gradients) accumulate(into.get(key)!, data as Float32Array);
      }
      return scalars.set('loss:total', total).set('gradientNorm', normOf(into));
    },
    async release() {
      for (const source of sources.values()) await source.release();
    },
  };
}

/** Room for the gradients of some parameters. */
export const gradientTensors = (specs: readonly ParameterSpec[]): Map<string, Tensor> =>
  new Map(specs.map(({ name, shape }) => [gradientName(name), filled('float32', shape, 0)]));

/** Room for what buffers hold next, under `nextName`. */
export const nextBuffers = ({ buffers = [] }: Pick<GradientOptions, 'buffers'>): Map<string, Tensor> =>
  new Map(buffers.map(({ name, shape }) => [nextName(name), filled('float32', shape, 0)]));

export function accumulate({ data }: Tensor, more: Float32Array, factor = 1): void {
  const sum = data as Float32Array;
  for (let i = 0; i < sum.length; i++) sum[i]! += factor * more[i]!;
}

/** The length of all tensors as one vector. */
export function normOf(tensors: Tensors): number {
  let sum = 0;
  for (const { data } of tensors.values()) for (const value of data as Float32Array) sum += value * value;
  return Math.sqrt(sum);
}

export const numbers = (tensors: Tensors): Map<string, number> => new Map([...tensors].map(([name, { data }]) => [name, Number(data[0])]));
