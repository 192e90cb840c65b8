import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { examineCuda, SUDO } from '../../../src/doctor/cuda';
import { CUDA_PROVIDER } from '../../../src/doctor/cuda-provider';
import { tryApart, tryHere } from '../../../src/doctor/trial';
import type { Diagnosis } from '../../../src/shared/machine';
import { bundle } from '../support/bundle';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'doctor-'))));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('a provider is tried', () => {
  it('by a product that is looked at', async () => {
    expect(await tryHere('cpu')).toEqual({ works: true, seconds: expect.any(Number) as number });
  });

  it('in a process whose crash is an answer', async () => {
    const shell = (script: string): readonly [string, ...string[]] => ['/bin/sh', '-c', script, 'sh'];
    expect(await tryApart('cuda', shell('kill -SEGV $$'))).toEqual({ works: false, why: 'its process ended by itself (SIGSEGV)' });
    expect(await tryApart('cuda', shell('echo "no answer"; exit 7'))).toEqual({
      works: false,
      why: 'its process ended by itself (exit code 7)',
    });
    expect(await tryApart('cuda', shell(`echo warning; echo '{"works":false,"why":"'$*'"}'`))).toEqual({
      works: false,
      why: 'doctor --attempt cuda',
    });
    for (const broken of ['{"works":tr', '{"works":"yes"}'])
      expect(await tryApart('cuda', shell(`echo '${broken}'; exit 7`))).toEqual({
        works: false,
        why: 'its process ended by itself (exit code 7)',
      });
    await expect(tryApart('cuda', ['/nowhere/node', 'cli.js'])).rejects.toThrow('ENOENT');
  });
});

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('what CUDA lacks', () => {
  /** A driver that lists one GPU, and a provider that is linked with libraries of CUDA 13. */
  function machine(version: string, others = ''): string {
    const [programs, libraries] = [join(folder, 'programs'), join(folder, 'libraries')];
    for (const each of [programs, libraries]) mkdirSync(each);
    writeFileSync(join(programs, 'nvidia-smi'), '#!/bin/sh\necho "NVIDIA H100, 570.1, 81559, 9.0"\n');
    chmodSync(join(programs, 'nvidia-smi'), 0o755);
    for (const name of CUDA_PROVIDER)
      writeFileSync(join(libraries, name), `\0libcublas.so.13\0libcudart.so.13\0libcuda.so.1\0${others}\0${version}\0`);
    vi.stubEnv('PATH', `${programs}:${process.env.PATH}`);
    return libraries;
  }

  it('are libraries that the loader does not find, and their package', () => {
    const libraries = machine('1.29.0');
    const cuda = join(folder, 'cuda');
    mkdirSync(cuda);
    writeFileSync(join(cuda, 'libcudart.so.13'), '');
    vi.stubEnv('LD_LIBRARY_PATH', `/nowhere:${cuda}`);
    const state = examineCuda({ libraries, version: '1.29.0' });
    expect(state.gpus).toEqual([{ name: 'NVIDIA H100', driver: '570.1', memory: 81559, computeCapability: '9.0' }]);
    expect(state.provider).toBeUndefined();
    expect(state.libraries).toContainEqual({ name: 'libcudart.so.13', folder: cuda });
    expect(state.missing).toEqual([
      { part: 'libraries', what: "CUDA's libraries libcublas.so.13.", mend: `${SUDO}apt-get install cuda-toolkit-13` },
    ]);
    writeFileSync(join(cuda, 'libcublas.so.13'), '');
    expect(examineCuda({ libraries, version: '1.29.0' }).missing).toEqual([]);
  });

  it('is cuDNN for the CUDA that is there', () => {
    const libraries = machine('1.29.0', 'libcudnn.so.9');
    for (const name of ['libcublas.so.13', 'libcudart.so.13']) writeFileSync(join(libraries, name), '');
    const { missing } = examineCuda({ libraries, version: '1.29.0' });
    expect(missing.map(({ mend }) => mend)).toEqual([`${SUDO}apt-get install libcudnn9-cuda-13`]);
  });

  it("is a provider of the runtime's own version", () => {
    const libraries = machine('1.28.0');
    const { missing } = examineCuda({ libraries, version: '1.29.0' });
    // The set-up does not stay unless CUDA works: what the downloaded one needs comes first.
    expect(missing).toEqual([
      {
        part: 'libraries',
        what: expect.stringMatching(/^CUDA's libraries .*libcublas\.so\.12/) as string,
        mend: `${SUDO}apt-get install cuda-toolkit-12`,
      },
      {
        part: 'provider',
        what: expect.stringContaining('is not of ONNX Runtime 1.29.0') as string,
        mend: 'objective-lab setup-cuda --download',
      },
    ]);
  });

  it('is a newer driver, where CUDA says that it is too old', () => {
    const libraries = machine('1.29.0');
    for (const name of ['libcublas.so.13', 'libcudart.so.13']) writeFileSync(join(libraries, name), '');
    const runtime = { libraries, version: '1.29.0' };
    const why = 'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=0';
    expect(examineCuda(runtime, { works: false, why }).missing).toEqual([
      {
        part: 'gpu',
        what: 'A newer driver: 570.1 is too old for the CUDA of the provider.',
        mend: `${SUDO}apt-get install cuda-drivers`,
      },
    ]);
    expect(examineCuda(runtime, { works: false, why: 'another' }).missing).toEqual([]);
  });

  it('is a driver, where there is none', () => {
    const libraries = machine('1.29.0');
    vi.stubEnv('PATH', '/nowhere');
    expect(examineCuda({ libraries, version: '1.29.0' }, undefined, ['linux', 'arm64']).missing).toEqual([]);
    expect(examineCuda({ libraries, version: '1.29.0' }).missing[0]).toEqual({
      part: 'gpu',
      what: 'An NVIDIA GPU with its driver (nvidia-smi lists none).',
      mend: `${SUDO}apt-get install cuda-drivers`,
    });
  });
});

it('objective-lab doctor examines this machine', async () => {
  const cli = await bundle('cli');
  try {
    const { status, stdout } = spawnSync(process.execPath, [cli, 'doctor', '--json'], { encoding: 'utf8' });
    expect(status).toBe(0);
    const diagnosis = JSON.parse(stdout) as Diagnosis;
    expect(diagnosis.providers.cpu.works).toBe(true);
    expect(diagnosis.sgemmGflops).toBeGreaterThan(0.1);
    expect(diagnosis.memory.available).toBeLessThanOrEqual(diagnosis.memory.total);
    expect(diagnosis.disk.available).toBeGreaterThan(0);
    // One of both holds, whatever the machine: it works, or something is named.
    if (process.platform === 'linux' && process.arch === 'x64')
      expect(diagnosis.providers.cuda.works).toBe(!diagnosis.missing.some(({ what }) => /NVIDIA|CUDA/.test(what)));
    expect(spawnSync(process.execPath, [cli, 'doctor'], { encoding: 'utf8' }).stdout).toMatch(/^cpu +works/m);
  } finally {
    rmSync(cli);
  }
});
