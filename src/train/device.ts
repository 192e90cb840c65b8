import type * as Ort from 'onnxruntime-node';
import type { Target } from '../onnx/optimise';
import { MUTE } from '../onnx/serialise';
import { allocate, size, type Shape, type StoredType, type Tensor, type TensorData } from '../onnx/types';
import { UserError } from '../shared/errors';
import type { Precision } from '../shared/types';
import { memoryError } from './device-memory';
import { keepTf32, switchTf32 } from './precision';

/** The one file that touches ONNX Runtime. It is loaded on first use, so that commands which run no model start at once. */
let runtime: Promise<typeof Ort> | undefined;

function loadRuntime(): Promise<typeof Ort> {
  // The Linux binary writes telemetry files unless told not to before it loads.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  // CUDA numbers GPUs by their speed, the driver's own program by their place: by place everywhere.
  process.env.CUDA_DEVICE_ORDER ??= 'PCI_BUS_ID';
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
  /** Which of several GPUs CUDA uses, as it numbers them; 0 by default. */
  readonly deviceIndex?: number;
  /** Intra-op threads; one by default, which on shared machines is the fastest more often than not. */
  readonly threads?: number;
  /** In what matrix products are computed; where it is not said, in single precision, and on CUDA as this process has begun. */
  readonly precision?: Precision | undefined;
  readonly optimisation?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Outputs that stay on the device, which must be WebGPU's. */
  readonly resident?: readonly string[];
  /** Fails where the device has no kernel for a node, which would run on the CPU; what is inside of a Scan, Loop or If is not looked at. */
  readonly onDevice?: boolean;
  /** Path at which a file begins that tells how long each kernel took, see {@link Session.endProfiling}. */
  readonly profile?: string;
}

/** A tensor in a buffer of a GPU, which stays there between runs until it is disposed of. Its numbers cannot be read but by a graph. */
export type Resident = Pick<Ort.Tensor, 'dispose'>;

/** How a graph is to be written for a device. */
export function targetOf({ provider = 'cpu', threads = 1 }: SessionOptions): Target {
  if (provider === 'cpu') return threads > 1 ? 'multicore' : 'cpu';
  return provider === 'webgpu' ? 'webgpu' : 'anywhere';
}

/** A compiled graph on a device. `run` feeds tensors by name and resolves with the outputs by name. */
export class Session {
  private constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
    readonly provider: Provider,
  ) {}

  /** @throws UserError (code `device`) when the provider cannot be loaded; (code `memory`), as {@link run} does, when there is no memory left */
  static async create(
    model: Uint8Array,
    {
      provider = 'cpu',
      deviceIndex = 0,
      threads = 1,
      precision,
      optimisation = 'all',
      resident = [],
      onDevice = false,
      profile,
    }: SessionOptions = {},
  ): Promise<Session> {
    const ort = await loadRuntime();
    if (provider === 'cuda') switchTf32(precision);
    try {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: [provider === 'cuda' ? { name: provider, deviceId: deviceIndex } : provider],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: optimisation,
        logSeverityLevel: 4,
        // Planned as one block the values of a run take their place a second time, beside what the first run left in the arena, and are no faster there.
        enableMemPattern: false,
        // Transpositions that are left in a graph are there because the product is faster with them written out, see `arrangeForCpu`.
        extra: {
          optimization: { disable_specified_optimizers: 'GemmTransposeFusion' },
          ...(onDevice && { session: { disable_cpu_ep_fallback: '1' } }),
        },
        ...(resident.length > 0 && { preferredOutputLocation: Object.fromEntries(resident.map((name) => [name, 'gpu-buffer'] as const)) }),
        ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
      });
      if (provider === 'cuda') keepTf32();
      return new Session(ort, session, provider);
    } catch (error) {
      if (provider === 'cpu' || memoryError(error) !== error) throw memoryError(error);
      throw new UserError(
        `The device "${provider}"${deviceIndex > 0 ? `, GPU ${deviceIndex},` : ''} cannot be used: ${firstLine(error)}`,
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
   * @param resident receives the outputs that stay on the device
   */
  async run(
    feeds: ReadonlyMap<string, Tensor | Resident>,
    into?: ReadonlyMap<string, Tensor>,
    resident?: Map<string, Resident>,
  ): Promise<Map<string, Tensor>> {
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
        const [dtype, shape] = [meta.type as StoredType, meta.shape as Shape];
        buffer = { dtype, shape, data: allocate(dtype, size(shape)) };
        outputs.set(meta.name, buffer);
      }
      fetches[meta.name] = buffer ? this.#wrap(buffer) : null;
    }
    try {
      const results = await this.session.run(inputs, fetches);
      for (const [name, result] of Object.entries(results)) {
        if (result.location === 'gpu-buffer') resident?.set(name, result);
        else if (!muted && !into?.has(name)) outputs.set(name, unwrap(result));
      }
    } catch (error) {
      if (!muted || !firstLine(error).startsWith('Non tensor type')) throw memoryError(error);
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

  #wrap(tensor: Tensor | Resident): Ort.Tensor {
    return 'data' in tensor && 'dtype' in tensor
      ? new this.ort.Tensor(tensor.dtype, tensor.data as never, tensor.shape)
      : (tensor as Ort.Tensor);
  }
}

/** Whether a device has a kernel for every node of a model. What it has none for, the runtime computes on the CPU, and says nothing. */
export async function staysOnDevice(model: Uint8Array, options: SessionOptions): Promise<boolean> {
  try {
    await (await Session.create(model, { ...options, onDevice: true })).release();
    return true;
  } catch (error) {
    if (String((error as Error).cause ?? error).includes('fallback to CPU EP has been explicitly disabled')) return false;
    throw error;
  }
}

const unwrap = (tensor: Ort.Tensor): Tensor => ({ dtype: tensor.type as StoredType, shape: tensor.dims, data: tensor.data as TensorData });

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';

/** What an experiment says of the device, see `training`. */
export interface DeviceWish {
  readonly device: 'auto' | Provider;
  readonly deviceIndex: number;
  /** Undefined where nothing is going to be computed. */
  readonly precision: Precision | undefined;
}

/** The device an experiment asks for, resolved by trying: `auto` takes CUDA if it loads and the CPU otherwise, and says which and why. */
export async function chooseProvider(
  { device, deviceIndex, precision }: DeviceWish,
  probe: Uint8Array,
): Promise<{ provider: Provider; deviceIndex: number; reason: string }> {
  const cuda = deviceIndex === 0 ? 'CUDA' : `CUDA, GPU ${deviceIndex}`;
  if (device === 'cpu') return { provider: 'cpu', deviceIndex, reason: 'CPU, as asked' };
  if (device !== 'auto') {
    await (await Session.create(probe, { provider: device, deviceIndex, precision })).release();
    return { provider: device, deviceIndex, reason: `${device === 'cuda' ? cuda : 'WebGPU'}, as asked` };
  }
  try {
    await (await Session.create(probe, { provider: 'cuda', deviceIndex, precision })).release();
    return { provider: 'cuda', deviceIndex, reason: `${cuda}, found by itself` };
  } catch (error) {
    if (!(error instanceof Error && error.cause)) throw error;
    const cause = firstLine(error.cause);
    const missing = /Failed to load shared library|not supported|not available/i.test(cause);
    return {
      provider: 'cpu',
      deviceIndex,
      reason: `CPU, since ${missing ? "CUDA's provider or its libraries are not installed" : `CUDA cannot be loaded (${cause})`}`,
    };
  }
}
