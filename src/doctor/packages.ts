import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { UserError } from '../shared/errors';

/** The folder of an installed package as `from`, a file, finds it. @throws UserError (code `install`) */
export function packageFolder(name: string, from: string): string {
  const folders = createRequire(from).resolve.paths(name) ?? [];
  const found = folders.map((folder) => join(folder, name)).find((folder) => existsSync(join(folder, 'package.json')));
  if (found === undefined)
    throw new UserError(`The package ${name} is not beside ${from}.`, 'Run `npm install`, or use the installed extension.', 'install');
  return found;
}

/** Where onnxruntime-node keeps its libraries for this platform, in its package, with slashes. */
export const RUNTIME_LIBRARIES = `bin/napi-v6/${process.platform}/${process.arch}`;

/** ONNX Runtime as it is installed: the folder of its package and that of its libraries for this platform, and its version. */
export interface Runtime {
  readonly folder: string;
  readonly libraries: string;
  readonly version: string;
}

/** @param program path of `cli.js`, or of another program beside it */
export function runtimeOf(program: string): Runtime {
  const folder = packageFolder('onnxruntime-node', program);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  return { folder, libraries: join(folder, RUNTIME_LIBRARIES), version };
}
