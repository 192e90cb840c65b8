import { freemem, totalmem } from 'node:os';
import { UserError } from '../shared/errors';
import { groupMemory } from './control-group';
import type { Provider } from './device';
import { memoryOfGpu } from './gpus';

/** Bytes that a process may still take on a device; undefined where the device does not say. @param deviceIndex of the GPU, as CUDA numbers them */
export function availableMemory(provider: Provider, deviceIndex = 0): number | undefined {
  switch (provider) {
    case 'cpu':
      // Within the limit of its container. macOS fills what is free with what can be given up, and does not count it.
      return process.platform === 'darwin' ? totalmem() : Math.min(freemem(), groupMemory()?.available ?? process.availableMemory());
    case 'cuda':
      return memoryOfGpu(deviceIndex, 'free');
    case 'webgpu':
      return undefined;
  }
}

/** Bytes that a device has for all programs, within the limit of a container; undefined where the device does not say. */
export function memoryOf(provider: Provider, deviceIndex = 0): number | undefined {
  switch (provider) {
    case 'cpu':
      return Math.min(totalmem(), groupMemory()?.limit ?? (process.constrainedMemory() || Infinity));
    case 'cuda':
      return memoryOfGpu(deviceIndex, 'total');
    case 'webgpu':
      return undefined;
  }
}

/** The way out of too little memory. */
export const MEMORY_HINT =
  'Lower "batchSize" or "sequenceLength", choose a smaller model or vocabulary, set "training.recompute" or a higher "training.microBatches", or end other programs.';

const RAN_OUT = 'Memory ran out';
/** What C++, CUDA, cuBLAS, cuDNN, cuRAND, WebGPU, ONNX Runtime's arena and V8 say when there is no memory left. */
const EXHAUSTED =
  /bad_alloc|bad allocation|out of memory|failed to allocate memory|buffer allocation failed|could not allocate memory|_ALLOC(ATION)?_FAILED\b|cudaErrorMemoryAllocation/i;

/**
 * An error that means that memory has run out in words that name the way out; any other error as it is.
 *
 * @param need what the work was to take, where that is known
 */
export function memoryError(error: unknown, need?: string): unknown {
  const message = error instanceof Error ? error.message : String(error);
  if (message !== `${RAN_OUT}.` && !EXHAUSTED.test(message)) return error;
  return new UserError(`${RAN_OUT}${need === undefined ? '' : `; the run was to take ${need}`}.`, MEMORY_HINT, 'memory', { cause: error });
}
