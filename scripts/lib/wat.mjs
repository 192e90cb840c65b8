// WebAssembly in its text form, assembled when it is imported: `import bytes from './x.wat'` is a Uint8Array. For esbuild and for Vite.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import wabt from 'wabt';

/** @param {string} path */
async function assemble(path) {
  const module = (await wabt()).parseWat(basename(path), readFileSync(path, 'utf8'), { simd: true });
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** @type {import('esbuild').Plugin} */
export const watForEsbuild = {
  name: 'wat',
  setup(build) {
    build.onLoad({ filter: /\.wat$/ }, async ({ path }) => ({ contents: await assemble(path), loader: 'binary', watchFiles: [path] }));
  },
};

/** @returns {import('vite').Plugin} */
export const watForVite = () => ({
  name: 'wat',
  enforce: 'pre',
  async load(id) {
    return id.endsWith('.wat') ? `export default new Uint8Array([${(await assemble(id)).join()}]);` : undefined;
  },
});
