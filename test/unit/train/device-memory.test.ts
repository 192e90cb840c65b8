import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UserError } from '../../../src/shared/errors';
import { groupMemory } from '../../../src/train/control-group';
import { memoryError } from '../../../src/train/device-memory';

const MIB = 2 ** 20;

describe('the memory of a control group', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'groups-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  /** The files of a group, as the kernel words them (Documentation/admin-guide/cgroup-v2.rst). */
  function group(
    path: string,
    { max, high = 'max', current, inactive }: Record<'max' | 'current' | 'inactive', unknown> & { high?: unknown },
  ): void {
    const folder = join(root, path);
    mkdirSync(folder, { recursive: true });
    const stat = `anon 1610612736\nfile 5368709120\nkernel 33554432\nfile_mapped 41943040\nfile_dirty 0\nactive_anon 1605000000\ninactive_anon 8192\ninactive_file ${inactive as number}\nactive_file 16777216\nunevictable 0\nworkingset_refault_file 12\n`;
    const files = { max, high, current, stat };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, `memory.${name}`), `${String(content).trimEnd()}\n`);
  }
  const memoryOf = (own: string): ReturnType<typeof groupMemory> => {
    writeFileSync(join(root, 'own'), own);
    return groupMemory(root, join(root, 'own'));
  };

  it('has what the kernel gives back of the files that were read, and not what it keeps', () => {
    // A container that has read a corpus of 5 GB: all but 1.6 GB of its 8 GB looks taken.
    group('', { max: 8192 * MIB, current: 6600 * MIB, inactive: 5000 * MIB });
    expect(memoryOf('0::/\n')).toEqual({ limit: 8192 * MIB, available: 6592 * MIB });
  });

  it('is bounded by the groups around it, of which a job has the limit', () => {
    group('system.slice/job_7', { max: 4096 * MIB, current: 3000 * MIB, inactive: 500 * MIB });
    group('system.slice/job_7/step_0', { max: 'max', current: 2000 * MIB, inactive: 500 * MIB });
    expect(memoryOf('0::/system.slice/job_7/step_0\n')).toEqual({ limit: 4096 * MIB, available: 1596 * MIB });
    group('system.slice/job_7/step_0', { max: 'max', high: 2500 * MIB, current: 2000 * MIB, inactive: 0 });
    expect(memoryOf('0::/system.slice/job_7/step_0\n')).toEqual({ limit: 2500 * MIB, available: 500 * MIB });
  });

  it('is never below zero', () => {
    group('', { max: 100 * MIB, current: 120 * MIB, inactive: 0 });
    expect(memoryOf('0::/\n')).toEqual({ limit: 100 * MIB, available: 0 });
  });

  it('is found where the container names a group of the machine that it does not see', () => {
    group('', { max: 100 * MIB, current: 60 * MIB, inactive: 0 });
    expect(memoryOf('0::/docker/4f1a\n')).toMatchObject({ available: 40 * MIB });
    expect(memoryOf('0::/../../other\n')).toMatchObject({ available: 40 * MIB });
  });

  it('is not known where there is no limit, or no group of version 2', () => {
    group('', { max: 'max', current: 60 * MIB, inactive: 0 });
    expect(memoryOf('0::/\n')).toBeUndefined();
    group('', { max: 100 * MIB, current: 60 * MIB, inactive: 0 });
    expect(memoryOf('4:memory:/a\n1:cpu:/\n')).toBeUndefined();
    expect(groupMemory(root, join(root, 'none'))).toBeUndefined();
  });
});

describe('an error that says that memory ran out', () => {
  it.each([
    'std::bad_alloc',
    'Failed to allocate memory for requested buffer of size 1073741824',
    'CUDA failure 2: out of memory ; GPU=0 ; hostname=egg ; expr=cudaMalloc((void**)&p, size);',
    'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=egg ; line=164 ; expr=cublasCreate(&cublas_handle_);',
    'CUDNN failure 2: CUDNN_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=egg ; expr=cudnnCreate(&cudnn_handle_);',
    'CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0 ; hostname=egg',
    'CURAND failure 102: CURAND_STATUS_ALLOCATION_FAILED ; GPU=0 ; hostname=egg',
    'Array buffer allocation failed',
  ])('%s', (message) => {
    const error = memoryError(new Error(message), '3 GB of 2 GB') as UserError;
    expect(error).toMatchObject({ name: 'UserError', code: 'memory', message: 'Memory ran out; the run was to take 3 GB of 2 GB.' });
    expect(error.hint).toContain('"batchSize"');
  });

  it.each([
    'CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0',
    'CUDNN failure 8: CUDNN_STATUS_EXECUTION_FAILED',
    'Invalid argument',
  ])('not: %s', (message) => {
    const error = new Error(message);
    expect(memoryError(error)).toBe(error);
  });
});
