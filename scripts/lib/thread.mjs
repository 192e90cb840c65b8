// The program of a worker thread as one text: `import program from './x?thread'` bundles x.ts when it is imported. For esbuild and for Vite.
import { dirname, resolve } from 'node:path';
import esbuild from 'esbuild';
import { watForEsbuild } from './wat.mjs';

const SUFFIX = '?thread';

/**
 * @param {string} path without extension
 * @param {boolean} minify
 */
async function bundle(path, minify) {
  const { outputFiles, metafile } = await esbuild.build({
    entryPoints: [`${path}.ts`],
    bundle: true,
    write: false,
    metafile: true,
    minify,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    mainFields: ['module', 'main'],
    plugins: [watForEsbuild],
    logLevel: 'warning',
  });
  return { program: outputFiles.map(({ text }) => text).join(''), sources: Object.keys(metafile.inputs).map((source) => resolve(source)) };
}

/** @type {import('esbuild').Plugin} */
export const threadForEsbuild = {
  name: 'thread',
  setup(build) {
    build.onResolve({ filter: /\?thread$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path.slice(0, -SUFFIX.length)),
      namespace: 'thread',
    }));
    build.onLoad({ filter: /./, namespace: 'thread' }, async ({ path }) => {
      const { program, sources } = await bundle(path, build.initialOptions.minify ?? false);
      return { contents: program, loader: 'text', watchFiles: sources };
    });
  },
};

/** @returns {import('vite').Plugin} */
export const threadForVite = () => ({
  name: 'thread',
  enforce: 'pre',
  resolveId(id, importer) {
    return id.endsWith(SUFFIX) && importer ? resolve(dirname(importer), id) : undefined;
  },
  async load(id) {
    return id.endsWith(SUFFIX)
      ? `export default ${JSON.stringify((await bundle(id.slice(0, -SUFFIX.length), false)).program)};`
      : undefined;
  },
});
