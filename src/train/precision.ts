import { UserError } from '../shared/errors';
import type { Precision } from '../shared/types';
import type { Provider } from './device';

/** Whether cuBLAS may use TF32 in this process; undefined as long as nothing has been computed on CUDA. */
let tf32: boolean | undefined;

/**
 * Lets CUDA use TF32 or not. ONNX Runtime has a provider option for it, `use_tf32`, which is on by default and which its binding for Node hands no value on
 * to (as of 1.29: the device's number alone). What remains is the environment variable of NVIDIA's libraries, which they read once in a process.
 *
 * @throws UserError (code `device`) when this process has computed on CUDA the other way
 */
export function switchTf32(precision: Precision | undefined): void {
  // Where products are not in single precision, or do not matter, it makes no difference.
  if ((precision === 'bf16' || precision === undefined) && tf32 !== undefined) return;
  const wanted = precision === 'tf32';
  if (tf32 !== undefined && tf32 !== wanted)
    throw new UserError(
      `training.precision is "${precision}", and this process has computed on CUDA ${tf32 ? 'with' : 'without'} TF32, which holds until it ends.`,
      `Restart the kernel or the program, or set the field to "${tf32 ? 'tf32' : 'fp32'}".`,
      'device',
    );
  if (wanted) delete process.env.NVIDIA_TF32_OVERRIDE;
  else process.env.NVIDIA_TF32_OVERRIDE = '0';
}

/** CUDA has been loaded with what {@link switchTf32} said last: so it stays. */
export function keepTf32(): void {
  tf32 ??= process.env.NVIDIA_TF32_OVERRIDE !== '0';
}

/** @throws UserError (code `device`) when a device does not have the precision, nor can imitate it */
export function requirePrecision(precision: Precision, provider: Provider): void {
  if (precision === 'bf16' && provider === 'webgpu')
    throw new UserError(
      'training.precision is "bf16", which WebGPU does not have.',
      'Set it to "fp32", or training.device to "cuda" or "cpu".',
      'device',
    );
}

/** What a device makes of a precision, for people; nothing where it is the plain one. */
export function describePrecision(precision: Precision, provider: Provider): string | undefined {
  if (precision === 'fp32' || provider === 'cuda') return precision === 'fp32' ? undefined : precision;
  return precision === 'bf16' ? 'bf16 imitated, more slowly than fp32' : 'fp32, since only CUDA has TF32';
}
