import type * as Ort from 'onnxruntime-node';
import type { Target } from '../onnx/optimise';
import { MUTE } from '../onnx/serialise';
import { allocate, size, type DType, type Shape, type Tensor, type TensorData } from '../onnx/types';
import { UserError } from '../shared/errors';

/** The one file that touches ONNX Runtime. It is loaded on first use, so that commands which run no model start at once. */
let runtime: Promise<typeof Ort> | undefined;

function loadRuntime(): Promise<typeof Ort> {
  // The Linux binary writes telemetry files unless told not to before it loads.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  runtime ??= import('onnxruntime-node').then((module) => {
    // Failures come as exceptions, with more to say.
    module.env.logLevel = 'fatal';
    return module;
  });
  return runtime;
}

/** Its version: the same one on the same kind of processor gives the same bits. */
export const runtimeVersion = async (): Promise<string> => (await loadRuntime()).env.versions.node ?? 'unknown';

export type Provider = 'cpu' | 'cuda' | 'webgpu';

export interface SessionOptions {
  readonly provider?: Provider;
  /** Intra-op threads; one by default, which on shared machines is the fastest more often than not. */
  readonly threads?: number;
  readonly optimisation?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Path at which a file begins that tells how long each kernel took, see {@link Session.endProfiling}. */
  readonly profile?: string;
}

/** How a graph is to be written for a device. */
export const targetOf = ({ provider = 'cpu', threads = 1 }: SessionOptions): Target =>
  provider !== 'cpu' ? 'anywhere' : threads > 1 ? 'multicore' : 'cpu';

/** A compiled graph on a device. `run` feeds tensors by name and resolves with the outputs by name. */
export class Session {
  private constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
    readonly provider: Provider,
  ) {}

  /** @throws UserError (code `device`) when the provider cannot be loaded */
  static async create(
    model: Uint8Array,
    { provider = 'cpu', threads = 1, optimisation = 'all', profile }: SessionOptions = {},
  ): Promise<Session> {
    const ort = await loadRuntime();
    try {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: [provider],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: optimisation,
        logSeverityLevel: 4,
        // Transpositions that are left in a graph are there because the product is faster with them written out, see `arrangeForCpu`.
        extra: { optimization: { disable_specified_optimizers: 'GemmTransposeFusion' } },
        ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
      });
      return new Session(ort, session, provider);
    } catch (error) {
      if (provider === 'cpu') throw error;
      throw new UserError(
        `The device "${provider}" cannot be used: ${firstLine(error)}`,
        'Choose "cpu", or "auto" to fall back to it.',
        'device',
        { cause: error },
      );
    }
  }

  /**
   * Runs the graph once. Blocks the event loop for as long as it takes.
   *
   * The binding copies every output into new memory, also one that it has just written into a buffer of ours: for a training step of `mini` as long
   * as the update itself. It does so after the run and in the order of the outputs, and throws at the first that is no tensor. A muted model begins
   * with such an output; its run ends with that error, all results being in our buffers. (Should a later version hand sequences back, nothing but
   * the copies changes.)
   *
   * @param feeds at least the graph's inputs; what it does not need is left aside
   * @param into buffers that receive outputs; one that is also fed is updated in place. Outputs named here are not returned.
   */
  async run(feeds: ReadonlyMap<string, Tensor>, into?: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
    const inputs: Record<string, Ort.Tensor> = {};
    for (const name of this.session.inputNames) {
      const tensor = feeds.get(name);
      if (!tensor) throw new Error(`The graph's input "${name}" was not fed.`);
      inputs[name] = this.#wrap(tensor);
    }
    const outputs = new Map<string, Tensor>();
    const fetches: Record<string, Ort.Tensor | null> = {};
    const muted = this.session.outputNames[0] === MUTE;
    for (const meta of this.session.outputMetadata) {
      let buffer = into?.get(meta.name);
      if (!buffer && muted && meta.isTensor) {
        const [dtype, shape] = [meta.type as DType, meta.shape as Shape];
        buffer = { dtype, shape, data: allocate(dtype, size(shape)) };
        outputs.set(meta.name, buffer);
      }
      fetches[meta.name] = buffer ? this.#wrap(buffer) : null;
    }
    try {
      const results = await this.session.run(inputs, fetches);
      if (!muted) for (const [name, result] of Object.entries(results)) if (!into?.has(name)) outputs.set(name, unwrap(result));
    } catch (error) {
      if (!muted || !firstLine(error).startsWith('Non tensor type')) throw error;
    }
    return outputs;
  }

  /** Writes the profile: `<prefix>_<time>.json`. */
  endProfiling(): void {
    this.session.endProfiling();
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  #wrap({ dtype, shape, data }: Tensor): Ort.Tensor {
    return new this.ort.Tensor(dtype, data as never, shape);
  }
}

const unwrap = (tensor: Ort.Tensor): Tensor => ({ dtype: tensor.type as DType, shape: tensor.dims, data: tensor.data as TensorData });

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';

/** The device an experiment asks for, resolved by trying: `auto` takes CUDA if it loads and the CPU otherwise, and says which and why. */
export async function chooseProvider(device: 'auto' | Provider, probe: Uint8Array): Promise<{ provider: Provider; reason: string }> {
  if (device === 'cpu') return { provider: 'cpu', reason: 'CPU, as asked' };
  if (device !== 'auto') {
    await (await Session.create(probe, { provider: device })).release();
    return { provider: device, reason: `${device === 'cuda' ? 'CUDA' : 'WebGPU'}, as asked` };
  }
  try {
    await (await Session.create(probe, { provider: 'cuda' })).release();
    return { provider: 'cuda', reason: 'CUDA, found by itself' };
  } catch (error) {
    const cause = firstLine((error as Error).cause ?? error);
    const missing = /Failed to load shared library|not supported|not available/i.test(cause);
    return {
      provider: 'cpu',
      reason: `CPU, since ${missing ? "CUDA's provider or its libraries are not installed" : `CUDA cannot be loaded (${cause})`}`,
    };
  }
}
