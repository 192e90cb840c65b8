// Bundles everything that ships, and the suite that runs in the extension host, into dist/.
//   node esbuild.mjs [--watch] [--production]
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import esbuild from 'esbuild';
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
  // Native addons are found beside the bundle; `vscode` exists in the extension host only.
  external: ['vscode', 'onnxruntime-node', 'tokenizers', 'mocha'],
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
 * The JSON Schema of experiment files, printed by the code that also checks them.
 * @type {esbuild.Plugin}
 */
const experimentSchema = {
  name: 'experiment-schema',
  setup(build) {
    build.onEnd(({ errors }) => {
      if (errors.length > 0) return;
      chmodSync('dist/cli.js', 0o755);
      mkdirSync('dist/schemas', { recursive: true });
      writeFileSync('dist/schemas/experiment.schema.json', execFileSync(process.execPath, ['dist/cli.js', 'schema']));
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
  { ...node, entryPoints: ['src/extension.ts', 'src/trainer.ts'], plugins: [textOnly, watForEsbuild, threadForEsbuild, announce] },
  {
    ...node,
    entryPoints: ['src/cli.ts'],
    banner: { js: `#!/usr/bin/env node\n${importMetaUrl}` },
    plugins: [textOnly, watForEsbuild, threadForEsbuild, experimentSchema, announce],
  },
  {
    ...common,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    outdir: 'dist/webview',
    entryPoints: { inspector: 'webview/inspector/index.ts', dashboard: 'webview/dashboard/index.ts' },
    plugins: [announce],
  },
  { ...node, entryPoints: ['test/vscode/suite/*.ts'], outdir: 'dist/test', sourcemap: 'inline', plugins: [announce] },
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
