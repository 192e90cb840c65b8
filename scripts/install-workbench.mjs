// Installs a real VS Code workbench that runs in a browser (code-server, from npm alone) with the Node it needs.
//   node scripts/install-workbench.mjs [DIR]        default: .workbench
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { workbench } from './lib/paths.mjs';
import { Explained, main } from './lib/run.mjs';

const CODE_SERVER = '4.139.1';
/** The Node that this code-server is built for; its native modules load in no other major version. */
const NODE = '24.21.0';

/** Platforms whose Node is an npm package; on macOS, the Node that runs this script serves if it is of the same major version. */
const PACKAGED = ['linux-x64', 'linux-arm64'];

/**
 * The programs of an installed workbench.
 *
 * @param {string} [dir]
 * @returns {{ node: string, server: string }} absolute paths of Node and of code-server's entry for it
 */
export function workbenchPrograms(dir = workbench) {
  const modules = path.join(path.resolve(dir), 'node_modules');
  const packaged = nodePackage();
  return {
    node: packaged === undefined ? process.execPath : path.join(modules, packaged, 'bin', 'node'),
    server: path.join(modules, 'code-server', 'out', 'node', 'entry.js'),
  };
}

/**
 * Installs the workbench into `dir` unless it is there already. About 20 s and 800 MB.
 *
 * @param {string} [dir]
 * @throws {Explained} on a platform without a build, or when npm fails
 */
export function installWorkbench(dir = workbench) {
  const root = path.resolve(dir);
  const stamp = path.join(root, `.ok-${CODE_SERVER}-${NODE}`);
  if (existsSync(stamp)) return;
  const node = nodePackage();
  console.log(`Installing a VS Code workbench (code-server ${CODE_SERVER}) into ${root} …`);
  mkdirSync(root, { recursive: true });
  const manifest = {
    name: 'workbench',
    private: true,
    version: '0.0.0',
    dependencies: { 'code-server': CODE_SERVER, ...(node && { [node]: NODE }) },
  };
  writeFileSync(path.join(root, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  npmInstall(root);
  // What code-server's own post-install script does, without its builds: the native modules it cannot do without come built.
  const binaries = path.dirname(workbenchPrograms(root).node);
  const vscode = path.join(root, 'node_modules', 'code-server', 'lib', 'vscode');
  npmInstall(vscode, binaries);
  npmInstall(path.join(vscode, 'extensions'), binaries);
  writeFileSync(stamp, '');
}

/** The npm package that holds Node for this machine; undefined where the current Node will do. */
function nodePackage() {
  const platform = `${process.platform}-${process.arch}`;
  if (PACKAGED.includes(platform)) return `node-${platform}`;
  const major = NODE.split('.')[0];
  if (process.platform === 'darwin' && process.versions.node.split('.')[0] === major) return undefined;
  const way = process.platform === 'darwin' ? `use Node ${major}, or install VS Code` : 'install VS Code';
  throw new Explained(
    `The workbench for the browser does not run here (${platform}, Node ${process.versions.node}): ${way} and put \`code\` on the PATH.`,
  );
}

/**
 * @param {string} cwd
 * @param {string} [binaries] folder of the Node that npm runs in; the current one by default
 */
function npmInstall(cwd, binaries) {
  const PATH = [binaries, process.env.PATH].filter((folder) => folder !== undefined).join(path.delimiter);
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', '--ignore-scripts', '--omit=dev', ...quiet], { cwd, stdio: 'inherit', env: { ...process.env, PATH } });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(() => {
    installWorkbench(process.argv[2]);
    return Promise.resolve();
  });
}
