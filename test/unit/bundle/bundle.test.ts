import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../../package.json';
import { makeBundle, type Bundle } from '../../../src/bundle/bundle';
import { parseSize } from '../../../src/cli/bundle';
import { CUDA_PROVIDER } from '../../../src/doctor/cuda-provider';
import { bundle } from '../support/bundle';
import { makeWorkspace } from '../support/workspace';

const PART = 20_000_000;
const WHOLE = join('node_modules', 'onnxruntime-node', 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime.so.1');

let cli: string;
let folder: string;
let moved: string;
let made: Bundle;

beforeAll(async () => {
  cli = await bundle('cli');
  folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  made = makeBundle(cli, join(folder, 'made'), { partSize: PART });
  moved = join(folder, `moved "to' elsewhere`);
  renameSync(made.folder, moved);
});
afterAll(() => {
  rmSync(cli);
  rmSync(folder, { recursive: true });
});

/** Starts the bundle as a machine would that has nothing: no variables, and no place to look for programs. */
const start = (args: readonly string[], { env = {}, launcher = join(moved, 'objective-lab'), cwd = '/' } = {}) =>
  spawnSync(launcher, args, { encoding: 'utf8', cwd, env });
const sizes = (): number[] =>
  readdirSync(moved, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => statSync(join(parentPath, name)).size);

describe('a bundle in parts', () => {
  it('has no file above the limit, and is smaller than what was installed', () => {
    expect(Math.max(...sizes())).toBe(PART);
    expect(sizes().reduce((a, b) => a + b)).toBe(made.bytes);
    expect(made.parts).toEqual(['bin/node', WHOLE.replaceAll('\\', '/')]);
    expect(made.bytes).toBeLessThan(statSync(process.execPath).size + 70e6);
  });

  it('refuses a part that was damaged, leaves nothing in its place, and goes on once it is mended', () => {
    const part = join(moved, 'bin', 'node.part002');
    const bytes = readFileSync(part);
    writeFileSync(part, Buffer.concat([bytes.subarray(0, 1000), Buffer.from('?'), bytes.subarray(1001)]));
    const { status, stderr } = start(['--version']);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('a part is missing or damaged') as string });
    expect(readdirSync(join(moved, 'bin')).filter((name) => !name.includes('.part'))).toEqual([]);
    writeFileSync(part, bytes);
  });

  it('joins itself where nothing is installed, and when several start at once', async () => {
    const outputs = await Promise.all(
      [1, 2].map(
        () =>
          new Promise<string>((resolve) => {
            const child = spawn(join(moved, 'objective-lab'), ['--version'], { env: {}, cwd: '/' });
            let output = '';
            for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
            child.on('close', () => resolve(output));
          }),
      ),
    );
    expect(outputs).toEqual([`${version}\n`, `${version}\n`]);
    expect(readFileSync(join(moved, 'bin', 'node')).equals(readFileSync(process.execPath))).toBe(true);
    expect(readdirSync(join(moved, 'bin')).filter((name) => name.includes('joining'))).toEqual([]);
    // Once it is joined, it starts with no other program in reach.
    expect(start(['--version'], { env: { PATH: '/nowhere' } }).stdout).toBe(`${version}\n`);
  });

  it('trains', () => {
    const workspace = makeWorkspace();
    try {
      symlinkSync(join(moved, 'objective-lab'), join(workspace.folder, 'lab'));
      const { status, stdout, stderr } = start(['train', 'small.lab.json', '--steps', '2', '--json'], {
        cwd: workspace.folder,
        launcher: './lab',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ event: 'done', steps: 2 });
    } finally {
      workspace.remove();
    }
  });
});

describe('what is refused', () => {
  it('a folder that holds something', () => {
    const taken = join(folder, 'taken');
    mkdirSync(taken);
    writeFileSync(join(taken, 'thesis.txt'), '');
    const { status, stderr } = spawnSync(process.execPath, [cli, 'bundle', taken], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(`${taken} exists already.`) as string });
    expect(readdirSync(taken)).toEqual(['thesis.txt']);
  });

  it('a size that is none', () => {
    expect(parseSize('60M')).toBe(60_000_000);
    expect(parseSize('1.5g')).toBe(1_500_000_000);
    for (const text of ['60', '0M', 'M', '-1M', '100K']) expect(() => parseSize(text)).toThrow('such as 60M');
  });

  it('a CUDA provider of another version, or none', () => {
    const cuda = join(folder, 'cuda');
    mkdirSync(cuda);
    const target = join(folder, 'with-cuda');
    expect(() => makeBundle(cli, target, { cuda })).toThrow(`${CUDA_PROVIDER[0]} is not there.`);
    const { version: runtime } = JSON.parse(readFileSync('node_modules/onnxruntime-node/package.json', 'utf8')) as { version: string };
    for (const name of CUDA_PROVIDER) writeFileSync(join(cuda, name), '\0libcudart.so.13\x001.2.3\0');
    expect(() => makeBundle(cli, target, { cuda })).toThrow(`is not of ONNX Runtime ${runtime}`);
    expect(existsSync(target)).toBe(false);
    for (const name of CUDA_PROVIDER) writeFileSync(join(cuda, name), `\0libcudart.so.13\0${runtime}\0`);
    makeBundle(cli, target, { cuda });
    expect(readdirSync(join(target, WHOLE, '..'))).toEqual(expect.arrayContaining([...CUDA_PROVIDER, 'libonnxruntime.so.1']));
  });
});
