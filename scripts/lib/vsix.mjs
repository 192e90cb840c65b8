// The package that a user installs, cut to the platform it is made on.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './paths.mjs';
import { build } from './setup.mjs';

const { platform, arch } = process;

/** What tokenizers calls its binary for this platform. */
const tokenizersBinary = {
  linux: `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`,
  darwin: `darwin-${arch}`,
  win32: `win32-${arch}-msvc`,
}[/** @type {string} */ (platform)];

/** VS Code's name of this platform. */
const target = `${platform === 'linux' && isMusl() ? 'alpine' : platform}-${arch}`;

function isMusl() {
  if (platform !== 'linux') return false;
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return header.glibcVersionRuntime === undefined;
}

/**
 * Builds for production and packs the VSIX; returns its path. The CUDA provider, if someone copied it there, is left out for its size.
 * @returns {Promise<string>}
 */
export async function packageExtension() {
  await build({ production: true });
  const { createVSIX } = await import('@vscode/vsce');
  const { version } = /** @type {{ version: string }} */ (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  const packagePath = join(root, `objective-lab-${target}-${version}.vsix`);
  const folder = mkdtempSync(join(tmpdir(), 'vsix-'));
  try {
    const ignoreFile = join(folder, '.vscodeignore');
    copyFileSync(join(root, '.vscodeignore'), ignoreFile);
    const binaries = [
      `!node_modules/onnxruntime-node/bin/napi-v6/${platform}/${arch}/!(*providers_*)`,
      `!node_modules/tokenizers/tokenizers.${tokenizersBinary}.node`,
    ];
    writeFileSync(ignoreFile, binaries.join('\n'), { flag: 'a' });
    await createVSIX({ cwd: root, packagePath, target, ignoreFile, allowMissingRepository: true, rewriteRelativeLinks: false });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return packagePath;
}
