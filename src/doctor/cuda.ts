import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { UserError } from '../shared/errors';
import { isCudaPlatform, type Diagnosis, type Missing, type Trial } from '../shared/machine';
import { findGpus, linesOf } from '../train/gpus';
import { readCudaProvider } from './cuda-provider';
import type { Runtime } from './packages';

/** A library that the CUDA provider is linked with, or the one that would be downloaded, and the folder where the system's loader finds it, if it does. */
type Library = Diagnosis['cuda']['libraries'][number];

/** What every provider for CUDA 12 is linked with, and so the one that is downloaded where there is none. */
const DOWNLOADED_NEEDS = ['libcudart.so.12', 'libcublas.so.12', 'libcublasLt.so.12'];

/**
 * What there is of CUDA, and what is missing, in the order in which to mend it, the provider last, since its set-up stays only if CUDA then works: nothing
 * where no mend would make the runtime use CUDA.
 *
 * @param trial what came of trying CUDA: it tells what cannot be seen otherwise
 */
export function examineCuda(
  { libraries, version }: Pick<Runtime, 'libraries' | 'version'>,
  trial?: Trial,
  [platform, arch]: readonly [string, string] = [process.platform, process.arch],
): Diagnosis['cuda'] & { missing: Missing[] } {
  const gpus = findGpus();
  const missing: Missing[] = [];
  const driver = (what: string): Missing => ({ part: 'gpu', what, mend: `${SUDO}apt-get install cuda-drivers` });
  if (gpus.length === 0) missing.push(driver('An NVIDIA GPU with its driver (nvidia-smi lists none).'));
  else if (trial && !trial.works && /driver version is insufficient/i.test(trial.why))
    missing.push(driver(`A newer driver: ${gpus[0]!.driver} is too old for the CUDA of the provider.`));
  let needs: readonly string[] = DOWNLOADED_NEEDS;
  let provider: string | undefined;
  try {
    ({ needs } = readCudaProvider(libraries, version));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    provider = error.message;
  }
  const found = needs.map((name) => ({ name, folder: folderOf(name, libraries) }));
  const absent = found.filter(({ name, folder }) => folder === undefined && !name.startsWith('libcuda.'));
  if (absent.length > 0)
    missing.push({
      part: 'libraries',
      what: `CUDA's libraries ${absent.map(({ name }) => name).join(', ')}.`,
      mend: libraryCommand(absent, needs),
    });
  if (provider !== undefined)
    missing.push({ part: 'provider', what: `The CUDA provider: ${provider}`, mend: 'objective-lab setup-cuda --download' });
  return { gpus, provider, libraries: found, missing: isCudaPlatform(platform, arch) ? missing : [] };
}

/** Before a command that only root may do: nothing for root, who has no `sudo` in many containers. */
export const SUDO = process.getuid?.() === 0 ? '' : 'sudo ';

const CUDA_HOME = '/usr/local/cuda/lib64';

/**
 * Packages are those of NVIDIA's repository, whose names are the same on Debian and Ubuntu; `cuda-toolkit-N` is the newest CUDA N. Libraries that are there
 * are made known to the loader: a variable of a terminal would not reach the editor's processes.
 */
function libraryCommand(absent: readonly Library[], needs: readonly string[]): string {
  if (absent.every(({ name }) => existsSync(join(CUDA_HOME, name))))
    return `echo ${CUDA_HOME} | ${SUDO}tee /etc/ld.so.conf.d/objective-lab-cuda.conf && ${SUDO}ldconfig`;
  const major = needs.map((name) => /^lib(?:cudart|cublas)\.so\.(\d+)$/.exec(name)?.[1]).find((each) => each !== undefined) ?? '12';
  const ofCudnn = absent.filter(({ name }) => name.startsWith('libcudnn'));
  const packages = [
    ...(ofCudnn.length < absent.length ? [`cuda-toolkit-${major}`] : []),
    ...(ofCudnn.length > 0 ? [`libcudnn9-cuda-${major}`] : []),
  ];
  return `${SUDO}apt-get install ${packages.join(' ')}`;
}

/** Where the loader looks: the variable, its cache, and the provider's own folder. */
function folderOf(name: string, own: string): string | undefined {
  const listed = linesOf('ldconfig', ['-p']).find((line) => line.trim().startsWith(`${name} `));
  const cached = listed === undefined ? [] : [dirname(listed.split(' => ')[1] ?? '')];
  const folders = [...(process.env.LD_LIBRARY_PATH ?? '').split(delimiter), ...cached, own];
  return folders.find((folder) => folder !== '' && existsSync(join(folder, name)));
}
