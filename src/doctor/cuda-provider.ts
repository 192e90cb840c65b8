import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../shared/errors';

/** The two libraries by which ONNX Runtime uses CUDA; they lie beside its own. */
export const CUDA_PROVIDER = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'] as const;

/** Libraries of CUDA that a provider may be linked with. */
const CUDA_LIBRARIES = ['libcudart', 'libcublas', 'libcublasLt', 'libcurand', 'libcufft', 'libcudnn', 'libcuda'];

export interface CudaProvider {
  /** Paths of {@link CUDA_PROVIDER}. */
  readonly files: readonly string[];
  /** The libraries of CUDA that the loader must find for it, such as `libcublas.so.13`. */
  readonly needs: readonly string[];
}

/**
 * The CUDA provider in a folder.
 *
 * @param version of the runtime: a provider of any other is refused by it, or crashes it
 * @param called what messages call the folder
 * @throws UserError (code `cuda`) when it is not there, or of another version
 */
export function readCudaProvider(folder: string, version: string, called = folder): CudaProvider {
  const files = CUDA_PROVIDER.map((name) => join(folder, name));
  const missing = CUDA_PROVIDER.find((_, i) => !existsSync(files[i]!));
  if (missing !== undefined)
    throw new UserError(
      `${join(called, missing)} is not there.`,
      `Name what holds ${CUDA_PROVIDER.join(' and ')} of ONNX Runtime ${version}.`,
      'cuda',
    );
  const bytes = readFileSync(files[1]!);
  // A string of its own in the library, as everything that its code names: with a zero before and after it.
  if (!bytes.includes(`\0${version}\0`))
    throw new UserError(
      `${join(called, CUDA_PROVIDER[1])} is not of ONNX Runtime ${version}.`,
      `A provider works with the runtime of its own version only: take that of ${version}.`,
      'cuda',
    );
  return { files, needs: CUDA_LIBRARIES.flatMap((name) => linkedAs(bytes, name) ?? []) };
}

/** The name by which a library is linked with another, with its major version, from the library's table of names. */
function linkedAs(bytes: Buffer, name: string): string | undefined {
  const at = bytes.indexOf(`\0${name}.so.`);
  return at < 0 ? undefined : bytes.toString('latin1', at + 1, bytes.indexOf(0, at + 1));
}
