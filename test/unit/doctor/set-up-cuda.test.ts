import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import AdmZip from 'adm-zip';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CUDA_PROVIDER } from '../../../src/doctor/cuda-provider';
import { INSTALLER } from '../../../src/doctor/cuda-source';
import { removeCuda, setUpCuda } from '../../../src/doctor/set-up-cuda';
import type { Storage } from '../../../src/train/storage';
import { dyingAfter, systemError, watched } from '../train/faulty-storage';

const VERSION = '1.29.0';
const CORE = 'libonnxruntime.so.1';

let folder: string;
let program: string;
let libraries: string;
/** An installation whose command line says that CUDA works where the provider's files are in their places. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'set-up-cuda-'));
  const runtime = join(folder, 'node_modules', 'onnxruntime-node');
  libraries = join(runtime, 'bin', 'napi-v6', 'linux', 'x64');
  program = join(folder, 'dist', 'cli.js');
  for (const each of [libraries, join(folder, 'dist')]) mkdirSync(each, { recursive: true });
  writeFileSync(join(runtime, 'package.json'), JSON.stringify({ version: VERSION }));
  writeFileSync(join(libraries, CORE), 'core');
  answer(`[ -f ${libraries}/${CUDA_PROVIDER[0]} ] && [ -f ${libraries}/${CUDA_PROVIDER[1]} ] && echo '{"works":true,"seconds":0.5}'`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const answer = (script: string): void => writeFileSync(program, script);
const content = (version: string, mark = ''): string => `${mark}\0libcudart.so.13\0libcublas.so.13\0${version}\0`;

function provider(name: string, version = VERSION): string {
  const made = join(folder, name);
  mkdirSync(made, { recursive: true });
  for (const library of CUDA_PROVIDER) writeFileSync(join(made, library), content(version, name));
  return made;
}

const setUp = (from: string | undefined, options: { keep?: boolean; storage?: Storage; signal?: AbortSignal } = {}) =>
  setUpCuda(['/bin/sh', program], { from, ...options });
const there = (): string[] => readdirSync(libraries).sort();
const installed = (): string[] => CUDA_PROVIDER.map((name) => readFileSync(join(libraries, name), 'utf8').split('\0')[0]!);
const stagings = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('objective-lab-cuda-'));

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('Set Up CUDA', () => {
  it('takes a folder, and takes it away again', async () => {
    expect(await setUp(provider('thirteen'))).toEqual({
      libraries,
      needs: ['libcudart.so.13', 'libcublas.so.13'],
      trial: { works: true, seconds: 0.5 },
    });
    expect(there()).toEqual([CORE, ...CUDA_PROVIDER].sort());
    expect(installed()).toEqual(['thirteen', 'thirteen']);
    expect(removeCuda(program)).toHaveLength(2);
    expect(there()).toEqual([CORE]);
    expect(removeCuda(program)).toEqual([]);
  });

  it('takes a package that holds them anywhere, and leaves nothing behind', async () => {
    provider('package/Plugins/Linux/x64');
    const pack = join(folder, 'provider.tgz');
    execFileSync('tar', ['-czf', pack, '-C', folder, 'package']);
    const before = stagings();
    await setUp(pack);
    expect(installed()).toEqual(['package/Plugins/Linux/x64', 'package/Plugins/Linux/x64']);
    expect(stagings()).toEqual(before);
  });

  it('refuses what is not there, no provider, half of one, and one of another version, before anything changes', async () => {
    const half = provider('half');
    rmSync(join(half, CUDA_PROVIDER[1]));
    const empty = join(folder, 'empty.tgz');
    execFileSync('tar', ['-czf', empty, '-C', folder, 'dist']);
    writeFileSync(join(folder, 'damaged.tgz'), 'no package');
    provider('old/x64', '1.28.0');
    const old = join(folder, 'old.tgz');
    execFileSync('tar', ['-czf', old, '-C', folder, 'old']);
    for (const [from, message] of [
      [join(folder, 'nowhere'), `${join(folder, 'nowhere')} is not there.`],
      [half, `${join(half, CUDA_PROVIDER[1])} is not there.`],
      [provider('wrong', '1.28.0'), `${join(folder, 'wrong', CUDA_PROVIDER[1])} is not of ONNX Runtime ${VERSION}.`],
      [old, `${join(old, CUDA_PROVIDER[1])} is not of ONNX Runtime ${VERSION}.`],
      [empty, `${empty} does not hold the CUDA provider.`],
      [join(folder, 'damaged.tgz'), `damaged.tgz cannot be unpacked`],
    ] as const)
      await expect(setUp(from)).rejects.toThrow(message);
    expect(there()).toEqual([CORE]);
  });

  it('undoes itself when CUDA does not work, and says what is missing', async () => {
    vi.stubEnv('PATH', process.env.PATH!.replaceAll(/[^:]*cuda[^:]*/g, '/nowhere'));
    answer(`echo '{"works":false,"why":"libcublas.so.13: cannot open"}'`);
    await expect(setUp(provider('thirteen'))).rejects.toMatchObject({
      message: expect.stringContaining('CUDA does not work with this provider here: libcublas.so.13: cannot open') as string,
      hint: expect.stringMatching(
        /CUDA's libraries libcudart\.so\.13, libcublas\.so\.13\. \((sudo )?apt-get install cuda-toolkit-13\)/,
      ) as string,
      code: 'cuda',
    });
    expect(there()).toEqual([CORE]);
  });

  it('puts back what was there before', async () => {
    await setUp(provider('first'));
    answer('kill -SEGV $$');
    await expect(setUp(provider('second'))).rejects.toThrow('its process ended by itself (SIGSEGV)');
    expect(installed()).toEqual(['first', 'first']);
    expect(there()).toEqual([CORE, ...CUDA_PROVIDER].sort());
  });

  it('keeps files that do not work where it is told to', async () => {
    answer(`echo '{"works":false,"why":"no GPU"}'`);
    expect((await setUp(provider('image'), { keep: true })).trial).toEqual({ works: false, why: 'no GPU' });
    expect(installed()).toEqual(['image', 'image']);
  });

  it('leaves all as it was whichever write or renaming fails', async () => {
    await setUp(provider('first'));
    const second = provider('second');
    const count = watched(() => undefined);
    await setUp(second, { storage: count });
    await setUp(provider('first'));
    // The last two take the kept copies away, when all is done.
    for (let last = 1; last <= count.calls() - 2; last++) {
      const full = watched((call) => {
        if (call === last) throw systemError('ENOSPC');
      });
      await expect(setUp(second, { storage: full })).rejects.toThrow(`The disk is full: ${libraries}`);
      expect({ last, installed: installed(), files: there() }).toEqual({
        last,
        installed: ['first', 'first'],
        files: [CORE, ...CUDA_PROVIDER].sort(),
      });
    }
  });

  it.each([[true], [false]])('brings back what was there (%s) after a set-up whose process was ended anywhere', async (existed) => {
    const [first, second] = [provider('first'), provider('second')];
    if (existed) await setUp(first);
    const count = watched(() => undefined);
    await setUp(second, { storage: count });
    const works = readFileSync(program, 'utf8');
    for (let last = 0; last < count.calls(); last++) {
      answer(works);
      removeCuda(program);
      if (existed) await setUp(first);
      // It may die while it takes the kept files away, which is no failure: from the first of them on the new provider stays.
      const settled = last > count.calls() - 2;
      await setUp(second, { storage: dyingAfter(last) }).catch(() => undefined);
      answer('exit 1');
      await expect(setUp(provider('third'))).rejects.toThrow('exit code 1');
      const left = settled ? 'second' : existed ? 'first' : undefined;
      expect({ last, files: there() }).toEqual({ last, files: left ? [CORE, ...CUDA_PROVIDER].sort() : [CORE] });
      if (left) expect({ last, installed: installed() }).toEqual({ last, installed: [left, left] });
    }
  });

  /** The storage of a process that is ended while it tries what it placed: what it replaced stays beside. */
  const endedInTrial = (): Storage =>
    watched((_, operation, path) => {
      if (operation === 'remove' && path!.endsWith('.before')) throw systemError('EIO');
    });

  it('brings it back although that was ended, too', async () => {
    const works = readFileSync(program, 'utf8');
    for (let last = 0; last < 8; last++) {
      answer(works);
      removeCuda(program);
      await setUp(provider('first'));
      await setUp(provider('second'), { storage: endedInTrial() });
      answer('exit 1');
      await expect(setUp(provider('third'), { storage: dyingAfter(last) })).rejects.toThrow();
      await expect(setUp(provider('third'))).rejects.toThrow('exit code 1');
      expect({ last, installed: installed() }).toEqual({ last, installed: ['first', 'first'] });
    }
  });

  it('takes away what an ended set-up kept, too', async () => {
    await setUp(provider('first'));
    await setUp(provider('second'), { storage: endedInTrial() });
    writeFileSync(join(libraries, `${CUDA_PROVIDER[1]}.partial`), 'half');
    expect(there().filter((name) => name.endsWith('.before'))).toHaveLength(2);
    removeCuda(program);
    expect(there()).toEqual([CORE]);
  });

  it('is stopped during the trial', async () => {
    await setUp(provider('first'));
    const controller = new AbortController();
    answer(`touch ${folder}/tried; exec sleep 50`);
    const stopped = setUp(provider('second'), { signal: controller.signal });
    await vi.waitFor(() => expect(existsSync(join(folder, 'tried'))).toBe(true), 5_000);
    expect(installed()).toEqual(['second', 'second']);
    controller.abort();
    await expect(stopped).rejects.toThrow('The set-up was stopped; nothing has changed.');
    expect(installed()).toEqual(['first', 'first']);
    expect(there()).toEqual([CORE, ...CUDA_PROVIDER].sort());
  });

  it('changes nothing when it is stopped', async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(setUp(provider('first'), { signal: controller.signal })).rejects.toThrow('The set-up was stopped; nothing has changed.');
    expect(there()).toEqual([CORE]);
  });
});

describe.runIf(process.platform === 'linux' && process.arch === 'x64')("the runtime's own installer", () => {
  beforeEach(async () => {
    await build({
      entryPoints: ['node_modules/onnxruntime-node/script/install.js'],
      outfile: join(folder, 'dist', INSTALLER),
      bundle: true,
      platform: 'node',
      logLevel: 'error',
    });
    vi.stubEnv('ONNXRUNTIME_NODE_INSTALL', 'skip');
  });

  /** Lets every Node that starts take what it asks the network for from a folder: it asks, unpacks and writes as it would. */
  function network(files: Readonly<Record<string, Buffer>>): void {
    const served = join(folder, 'served');
    mkdirSync(served);
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(served, name), bytes);
    writeFileSync(
      join(folder, 'network.cjs'),
      `const { createReadStream, existsSync } = require('node:fs');
      require('node:https').get = (address, ...rest) => {
        const url = String(address.href ?? address);
        const path = ${JSON.stringify(served)} + '/' + url.split('/').at(-1) + (url.endsWith('index.json') ? '.' + url.split('/').at(-2) : '');
        const found = existsSync(path);
        const answer = found ? createReadStream(path) : require('node:stream').Readable.from([]);
        rest.at(-1)(Object.assign(answer, { statusCode: found ? 200 : 503, headers: { 'content-type': 'application/json' } }));
        return { on() { return this; } };
      };`,
    );
    vi.stubEnv('NODE_OPTIONS', `--require ${join(folder, 'network.cjs')}`);
  }

  const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const PACKAGE = 'microsoft.ml.onnxruntime.gpu.linux';

  it('downloads into a folder of ours first', async () => {
    const zip = new AdmZip();
    for (const name of [...CUDA_PROVIDER, 'libonnxruntime_providers_tensorrt.so'])
      zip.addFile(`runtimes/linux-x64/native/${name}`, Buffer.from(content(VERSION, 'downloaded')));
    network({
      'index.json.v3': text({ resources: [{ '@type': 'PackageBaseAddress/3.0.0', '@id': 'https://packages/' }] }),
      [`index.json.${PACKAGE}`]: text({ versions: [VERSION] }),
      [`${PACKAGE}.${VERSION}.nupkg`]: zip.toBuffer(),
    });
    await setUp(undefined);
    expect(installed()).toEqual(['downloaded', 'downloaded']);
    expect(there()).toEqual([CORE, ...CUDA_PROVIDER].sort());
  });

  it('changes nothing when there is no way to its makers', async () => {
    network({});
    await expect(setUp(undefined)).rejects.toThrow(
      'The CUDA provider could not be downloaded: Failed to download build list. HTTP status code = 503',
    );
    expect(there()).toEqual([CORE]);
  });
});
