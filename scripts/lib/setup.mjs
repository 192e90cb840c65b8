// What both commands of the README do first. Only Node's own modules: node_modules may not exist yet.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';
import { Explained, npm, run } from './run.mjs';

/** Installs what package-lock.json names, unless that was done since it changed. */
export async function install() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new Explained(`Objective Lab needs Node 20.19 or later; this is ${process.version}. Install a newer one from nodejs.org.`);
  // npm writes this file at the end of an installation.
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return;
  console.log('Installing dependencies…');
  if ((await npm(['ci', '--no-audit', '--no-fund'])) !== 0)
    throw new Explained('The dependencies could not be installed: npm says why above.');
}

/**
 * Bundles the sources to dist/.
 * @param {{ production?: boolean }} [options]
 */
export async function build({ production = false } = {}) {
  console.log(`Building${production ? ' for production' : ''}…`);
  const code = await run(process.execPath, ['esbuild.mjs', ...(production ? ['--production'] : [])]);
  if (code !== 0) throw new Explained('The build failed: esbuild says why above.');
}
