import type * as Ort from 'onnxruntime-node';
import type { DType, Tensor, TensorData } from '../onnx/types';
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

export type Provider = 'cpu' | 'cuda' | 'webgpu';

export interface SessionOptions {
  readonly provider?: Provider;
  /** Intra-op threads; one by default, which on shared machines is the fastest more often than not. */
  readonly threads?: number;
  readonly optimisation?: 'disabled' | 'basic' | 'extended' | 'all';
}

/** A compiled graph on a device. `run` feeds tensors by name and resolves with the outputs by name. */
export class Session {
  private constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
    readonly provider: Provider,
  ) {}

  /** @throws UserError (code `device`) when the provider cannot be loaded */
  static async create(model: Uint8Array, { provider = 'cpu', threads = 1, optimisation = 'all' }: SessionOptions = {}): Promise<Session> {
    const ort = await loadRuntime();
    try {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: [provider],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: optimisation,
        logSeverityLevel: 3,
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
    const fetches: Record<string, Ort.Tensor | null> = {};
    for (const name of this.session.outputNames) {
      const buffer = into?.get(name);
      fetches[name] = buffer ? this.#wrap(buffer) : null;
    }
    const results = await this.session.run(inputs, fetches);
    const outputs = new Map<string, Tensor>();
    for (const [name, result] of Object.entries(results)) if (!into?.has(name)) outputs.set(name, unwrap(result));
    return outputs;
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
