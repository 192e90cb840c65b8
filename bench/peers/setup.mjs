// Makes each contender ready to run, once: a later run finds what an earlier one installed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { watForEsbuild } from '../../scripts/lib/wat.mjs';
import { reasonOf } from './contender.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const LONGEST_INSTALL = 30 * 60 * 1000;

/** Bundles `ours/` as the product's build does, to a place from which the native packages are found; gives the bundles' folder. */
export async function bundleOurs() {
  const outdir = join(here, '..', '..', 'node_modules', '.cache', 'objective-lab', 'peers');
  await build({
    entryPoints: ['workload.ts', 'contender.ts'].map((name) => join(here, 'ours', name)),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'tokenizers'],
    plugins: [watForEsbuild],
    logLevel: 'error',
  });
  return outdir;
}

/** Installs a contender's packages; gives the command that starts it. @throws Error with the reason in one line */
export function npm(name, ...options) {
  const folder = join(here, name);
  once(join(folder, 'node_modules'), readFileSync(join(folder, 'package-lock.json'), 'utf8'), () =>
    command('npm', ['ci', '--no-audit', '--no-fund', ...options], folder),
  );
  return [process.execPath, join(folder, 'contender.mjs')];
}

/** The same in Python, in a virtual environment. PEERS_PYTHON names a Python that has the packages already. */
export function python(name) {
  const folder = join(here, name);
  const contender = join(folder, 'contender.py');
  if (process.env.PEERS_PYTHON) return [process.env.PEERS_PYTHON, contender];
  const environment = join(folder, '.venv');
  const interpreter = join(environment, 'bin', 'python');
  once(environment, readFileSync(join(folder, 'requirements.txt'), 'utf8'), () => {
    command('python3', ['-m', 'venv', '--clear', environment], folder);
    command(interpreter, ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', 'requirements.txt'], folder);
  });
  return [interpreter, contender];
}

/** Installs into a folder unless the same specification has been installed there to the end. */
function once(folder, specification, install) {
  const mark = join(folder, '.installed');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === specification) return;
  process.stderr.write(`Installing into ${folder} …\n`);
  install();
  mkdirSync(folder, { recursive: true });
  writeFileSync(mark, specification);
}

function command(program, args, cwd) {
  const { status, error, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', timeout: LONGEST_INSTALL });
  if (error) throw new Error(`${program}: ${error.message}`);
  if (status !== 0) throw new Error(`"${program} ${args[0]}" failed: ${reasonOf(stderr)}`);
}
