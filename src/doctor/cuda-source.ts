import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '../shared/errors';
import { CUDA_PROVIDER } from './cuda-provider';
import { RUNTIME_LIBRARIES } from './packages';

const run = promisify(execFile);

/** The runtime's own installer, as the build bundles it beside `cli.js`. */
export const INSTALLER = 'install-cuda.js';

/**
 * The folder that holds the CUDA provider: one that a person names, or a new one with what a package of npm's kind (`.tgz`) holds of it.
 *
 * @param staging a folder for what is unpacked
 * @throws UserError (code `cuda`)
 */
export async function sourceFolder(from: string, staging: string, signal?: AbortSignal): Promise<string> {
  const path = resolve(from);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return path;
  const way = `Name a folder that holds ${CUDA_PROVIDER.join(' and ')}, or a package (.tgz) with them in it.`;
  if (!stats) throw new UserError(`${path} is not there.`, way, 'cuda');
  try {
    const { stdout } = await run('tar', ['-tzf', path], { signal });
    const names = stdout.split('\n').filter((name) => CUDA_PROVIDER.some((library) => basename(name) === library));
    if (names.length === 0) throw new UserError(`${path} does not hold the CUDA provider.`, way, 'cuda');
    await run('tar', ['-xzf', path, '-C', staging, '--no-same-owner', ...names], { signal });
    return join(staging, dirname(names[0]!));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} cannot be unpacked: ${lastLine(error)}.`, way, 'cuda', { cause: error });
  }
}

/**
 * Lets the runtime's own installer download the provider for CUDA 12 from where its makers publish it. The installer writes beside itself: a copy in
 * a folder of our own leaves the runtime as it is.
 *
 * @param program path of `cli.js`
 * @throws UserError (code `cuda`, `install`)
 */
export async function download(program: string, staging: string, signal?: AbortSignal): Promise<string> {
  const installer = join(dirname(program), INSTALLER);
  if (!existsSync(installer))
    throw new UserError(`${installer} is not there.`, 'Run `npm run build`, or use the installed extension.', 'install');
  const script = join(staging, 'script', 'install.js');
  mkdirSync(dirname(script));
  copyFileSync(installer, script);
  // It looks at the variable first, and one that says `skip` is common.
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', ONNXRUNTIME_NODE_INSTALL: 'true' };
  try {
    await run(process.execPath, [script], { signal, env });
  } catch (error) {
    throw new UserError(
      `The CUDA provider could not be downloaded: ${lastLine(error)}.`,
      'Check the connection, or name a folder or a package (.tgz) that holds it.',
      'cuda',
      { cause: error },
    );
  }
  return join(staging, RUNTIME_LIBRARIES);
}

/** What a program says of its failure: the line of its error, or its last. */
function lastLine(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string };
  return /^\w*Error: (.+?)\.?$/m.exec(stderr)?.[1] ?? /.+$/.exec(stderr.trim())?.[0] ?? message;
}
