import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { threadForEsbuild } from '../../../scripts/lib/thread.mjs';
import { watForEsbuild } from '../../../scripts/lib/wat.mjs';

/**
 * Bundles an entry of `src` as the product's build does, to a place from which the native packages are found; gives the bundle's path.
 *
 * @param name of the bundle, where it matters
 */
export async function bundle(entry: string, name = `${entry}-${process.pid}`): Promise<string> {
  const folder = join('node_modules', '.cache', 'objective-lab');
  mkdirSync(folder, { recursive: true });
  const outfile = join(process.cwd(), folder, `${name}.js`);
  await build({
    entryPoints: [`src/${entry}.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'tokenizers', 'typescript'],
    plugins: [watForEsbuild, threadForEsbuild],
    logLevel: 'error',
  });
  return outfile;
}
