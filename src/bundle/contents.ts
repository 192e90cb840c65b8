import { readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { UserError } from '../shared/errors';
import { readCudaProvider } from '../doctor/cuda-provider';
import { INSTALLER } from '../doctor/cuda-source';
import { packageFolder, RUNTIME_LIBRARIES, runtimeOf } from '../doctor/packages';

/** A file of a bundle: where it is now, and its place there, with slashes. */
export interface Entry {
  readonly from: string;
  readonly to: string;
}

const { platform, arch } = process;
export const NODE = platform === 'win32' ? 'bin/node.exe' : 'bin/node';
export const PROGRAM = 'dist/cli.js';

/**
 * What the command line needs to run on this platform with nothing installed: Node, the program, and the packages that the program's bundle leaves out
 * because they hold machine code, or for their size.
 *
 * @param program path of the running `cli.js`
 * @param cuda folder of the CUDA provider
 * @throws UserError (code `bundle`, `cuda`)
 */
export function contents(program: string, cuda: string | undefined): Entry[] {
  const runtime = packageFolder('onnxruntime-node', program);
  const common = packageFolder('onnxruntime-common', join(runtime, 'package.json'));
  const tokenizers = packageFolder('tokenizers', program);
  const typescript = packageFolder('typescript', program);
  const provider = cuda === undefined ? [] : cudaProvider(cuda, program);
  return [
    { from: thisNode(), to: NODE },
    { from: program, to: PROGRAM },
    ...files(dirname(program), dirname(PROGRAM), (name) =>
      [`${basename(program)}.LEGAL.txt`, 'kernel.js', 'kernel.js.LEGAL.txt', INSTALLER, `${INSTALLER}.LEGAL.txt`].includes(name),
    ),
    ...files(dirname(dirname(program)), '.', (name) => name === 'LICENSE'),
    ...files(runtime, 'node_modules/onnxruntime-node', isManifest),
    ...files(join(runtime, 'dist'), 'node_modules/onnxruntime-node/dist', isScript),
    // Whatever providers were copied beside the runtime: what a bundle holds is said by its maker.
    ...files(
      join(runtime, RUNTIME_LIBRARIES),
      `node_modules/onnxruntime-node/${RUNTIME_LIBRARIES}`,
      (name) => !name.includes('_providers_'),
    ),
    ...provider.map((from) => ({ from, to: `node_modules/onnxruntime-node/${RUNTIME_LIBRARIES}/${basename(from)}` })),
    // For the cells of notebooks.
    ...files(typescript, 'node_modules/typescript', (name) => isManifest(name) || name === 'LICENSE.txt'),
    ...files(join(typescript, 'lib'), 'node_modules/typescript/lib', (name) => name === 'typescript.js'),
    ...files(common, 'node_modules/onnxruntime-common', isManifest),
    ...files(join(common, 'dist', 'cjs'), 'node_modules/onnxruntime-common/dist/cjs', (name) => isScript(name) || isManifest(name)),
    ...files(tokenizers, 'node_modules/tokenizers', (name) => isScript(name) || isManifest(name) || name === 'LICENSE'),
    ...files(tokenizers, 'node_modules/tokenizers', isTokenizersBinary),
  ];
}

const isManifest = (name: string): boolean => name === 'package.json';
const isScript = (name: string): boolean => name.endsWith('.js');

/** The files of a folder, not of those in it, for which `wanted` says so. */
const files = (folder: string, to: string, wanted: (name: string) => boolean): Entry[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && wanted(entry.name))
    .map(({ name }) => ({ from: join(folder, name), to: posix.join(to, name) }));

/** What tokenizers calls its library for this platform; on Linux there are two, by the C library. */
function isTokenizersBinary(name: string): boolean {
  if (!name.startsWith(`tokenizers.${platform}-${arch}`)) return false;
  if (platform !== 'linux') return true;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return name.includes(header.glibcVersionRuntime === undefined ? 'musl' : 'gnu');
}

function thisNode(): string {
  const way = 'Run this with Node from nodejs.org, which holds all it needs in one file.';
  if (process.versions.electron !== undefined)
    throw new UserError("This is the editor's own Node, which does not run by itself.", way, 'bundle');
  if ((process.config.variables as { node_shared?: boolean }).node_shared)
    throw new UserError(`${process.execPath} is linked with a libnode of this machine.`, way, 'bundle');
  return realpathSync(process.execPath);
}

function cudaProvider(folder: string, program: string): readonly string[] {
  if (platform !== 'linux') throw new UserError(`CUDA is used on Linux alone, not on ${platform}.`, 'Leave --cuda away.', 'cuda');
  return readCudaProvider(folder, runtimeOf(program).version).files;
}
