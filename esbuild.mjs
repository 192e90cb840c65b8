// Bundles everything that ships, and the suite that runs in the extension host, into dist/.
//   node esbuild.mjs [--watch] [--production]
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import esbuild from 'esbuild';
import { writeLabTypes } from './scripts/lib/lab-types.mjs';
import { threadForEsbuild } from './scripts/lib/thread.mjs';
import { watForEsbuild } from './scripts/lib/wat.mjs';

const production = process.argv.includes('--production');
const watch = process.argv.includes('--watch');

/** @type {esbuild.BuildOptions} */
const common = {
  bundle: true,
  outdir: 'dist',
  minify: production,
  sourcemap: production ? false : 'linked',
  legalComments: production ? 'linked' : 'inline',
  logLevel: 'warning',
};

const importMetaUrl = "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;";

/** @type {esbuild.BuildOptions} */
const node = {
  ...common,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  // The ES module of a package before its UMD one, whose `require` esbuild cannot follow (jsonc-parser).
  mainFields: ['module', 'main'],
  // Native addons are found beside the bundle, and so is the compiler of TypeScript for its size; `vscode` exists in the extension host only.
  external: ['vscode', 'onnxruntime-node', 'tokenizers', 'typescript', 'mocha'],
  loader: { '.ipynb': 'text' },
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: importMetaUrl },
};

/**
 * `@huggingface/transformers` is used for text; its image decoder and its runtime for browsers would add 40 MB.
 * @type {esbuild.Plugin}
 */
const textOnly = {
  name: 'text-only',
  setup(build) {
    build.onResolve({ filter: /^(sharp|onnxruntime-web)(\/|$)/ }, ({ path }) => ({ path, namespace: 'empty' }));
    build.onLoad({ filter: /./, namespace: 'empty' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * The JSON Schemas of experiments and comparisons, printed by the code that also checks them.
 * @type {esbuild.Plugin}
 */
const schemas = {
  name: 'schemas',
  setup(build) {
    build.onEnd(({ errors }) => {
      if (errors.length > 0) return;
      chmodSync('dist/cli.js', 0o755);
      mkdirSync('dist/schemas', { recursive: true });
      for (const kind of ['experiment', 'comparison'])
        writeFileSync(`dist/schemas/${kind}.schema.json`, execFileSync(process.execPath, ['dist/cli.js', 'schema', kind]));
    });
  },
};

/** Where the TypeScript server of VS Code finds a plugin by its name, see `typescriptServerPlugins` in package.json. */
const CELLS_PLUGIN = 'node_modules/objective-lab-cells';

/**
 * What makes it a package, and the types that it adds to cells.
 * @type {esbuild.Plugin}
 */
const cellTypes = {
  name: 'cell-types',
  setup(build) {
    build.onEnd(({ errors }) => {
      if (errors.length > 0) return;
      writeFileSync(
        `${CELLS_PLUGIN}/package.json`,
        `${JSON.stringify({ name: 'objective-lab-cells', version: '0.0.0', main: 'index.js' })}\n`,
      );
      mkdirSync('dist', { recursive: true });
      writeLabTypes('dist/lab.d.ts');
    });
  },
};

/**
 * Lines that the watch task in .vscode/tasks.json waits for.
 * @type {esbuild.Plugin}
 */
const announce = {
  name: 'announce',
  setup(build) {
    if (!watch) return;
    build.onStart(() => console.log('[watch] build started'));
    build.onEnd(() => console.log('[watch] build finished'));
  },
};

/** @type {esbuild.BuildOptions[]} */
const bundles = [
  {
    ...node,
    entryPoints: ['src/extension.ts', 'src/trainer.ts', 'src/kernel.ts'],
    plugins: [textOnly, watForEsbuild, threadForEsbuild, announce],
  },
  {
    ...node,
    entryPoints: ['src/cli.ts'],
    banner: { js: `#!/usr/bin/env node\n${importMetaUrl}` },
    plugins: [textOnly, watForEsbuild, threadForEsbuild, schemas, announce],
  },
  // The runtime's own installer of the CUDA provider, with the packages that it asks for: see `src/doctor/cuda-source.ts`.
  { ...node, entryPoints: { 'install-cuda': 'node_modules/onnxruntime-node/script/install.js' }, plugins: [announce] },
  {
    ...common,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    outdir: 'dist/webview',
    entryPoints: {
      inspector: 'webview/inspector/index.ts',
      dashboard: 'webview/dashboard/index.ts',
      comparison: 'webview/comparison/index.ts',
      advisor: 'webview/advisor/index.ts',
      machine: 'webview/machine/index.ts',
    },
    plugins: [announce],
  },
  {
    // VS Code loads a renderer of notebook outputs as a module; its styles go with it, into a root of its own.
    ...common,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    outdir: 'dist/webview',
    outExtension: { '.js': '.mjs' },
    loader: { '.css': 'text' },
    // A shared part asks for its styles as a sheet of the page; an output has them in its own root.
    logOverride: { 'ignored-bare-import': 'silent' },
    entryPoints: { notebook: 'webview/notebook/index.ts' },
    plugins: [announce],
  },
  { ...node, entryPoints: { index: 'src/cells-plugin.ts' }, outdir: CELLS_PLUGIN, sourcemap: false, plugins: [cellTypes, announce] },
  {
    ...node,
    entryPoints: ['test/vscode/suite/*.ts'],
    outdir: 'dist/test',
    sourcemap: 'inline',
    plugins: [textOnly, watForEsbuild, threadForEsbuild, announce],
  },
];

if (watch) {
  for (const bundle of bundles) await (await esbuild.context(bundle)).watch();
} else {
  // The bundle of a test that was deleted would go on running.
  rmSync('dist/test', { recursive: true, force: true });
  const shipped = production ? bundles.slice(0, -1) : bundles;
  // One after the other: the first failure is the one to read.
  for (const bundle of shipped) await esbuild.build(bundle).catch(() => process.exit(1));
}
