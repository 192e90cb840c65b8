import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { localExecutor } from '../../../src/compare/executors/local';
import type { ComparisonPlan } from '../../../src/compare/plan';
import { gpusFor, workersFor } from '../../../src/compare/pool';
import { ExperimentSchema } from '../../../src/train/experiment';
import { availableMemory } from '../../../src/train/device-memory';
import { countGpus, gpuOf } from '../../../src/train/gpus';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpus-'));
  vi.stubEnv('CUDA_VISIBLE_DEVICES', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A driver that lists so many GPUs. */
function driver(gpus: number): void {
  const program = join(folder, 'nvidia-smi');
  writeFileSync(program, '#!/bin/sh\n');
  for (let i = 0; i < gpus; i++) appendFileSync(program, 'echo "NVIDIA H100, 570.1, 81559, 9.0"\n');
  chmodSync(program, 0o755);
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
}

describe('the GPUs that CUDA numbers', () => {
  it('are those of the driver', () => {
    driver(4);
    expect(countGpus()).toBe(4);
  });

  it('or those that CUDA_VISIBLE_DEVICES names, up to the first that is none', () => {
    driver(4);
    const cases = { '1,3': 2, '3': 1, 'GPU-8932f937,MIG-1, 0': 3, '0,4,1': 1, '-1': 0, '': 0, '1,-1,2': 1 };
    for (const [visible, count] of Object.entries(cases)) {
      vi.stubEnv('CUDA_VISIBLE_DEVICES', visible);
      expect({ visible, count: countGpus() }).toEqual({ visible, count });
    }
  });
});

it('tells what is free on the GPU that CUDA calls by a number', () => {
  const program = join(folder, 'nvidia-smi');
  writeFileSync(program, '#!/bin/sh\ncase $1 in --id=0) echo 100 ;; --id=3) echo 300 ;; *) echo "No devices were found"; exit 6 ;; esac\n');
  chmodSync(program, 0o755);
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
  expect(availableMemory('cuda')).toBe(100 * 2 ** 20);
  expect(availableMemory('cuda', 1)).toBeUndefined();
  vi.stubEnv('CUDA_VISIBLE_DEVICES', '2,3');
  expect(availableMemory('cuda', 1)).toBe(300 * 2 ** 20);
});

it('names the GPU that CUDA calls by a number', () => {
  const program = join(folder, 'nvidia-smi');
  writeFileSync(
    program,
    '#!/bin/sh\ncase $1 in --id=0) echo "L4, 570.1, 23034, 8.9" ;; --id=3) echo "H100, 570.1, 81559, 9.0" ;; *) exit 6 ;; esac\n',
  );
  chmodSync(program, 0o755);
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
  expect(gpuOf(0)).toEqual({ name: 'L4', driver: '570.1', memory: 23034, computeCapability: '8.9' });
  for (const [visible, name] of Object.entries({ '3': 'H100', '1': undefined, '': undefined })) {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', visible);
    expect({ visible, name: gpuOf(0)?.name }).toEqual({ visible, name });
  }
  vi.stubEnv('CUDA_VISIBLE_DEVICES', '3');
  expect(gpuOf(3)).toBeUndefined();
});

describe('members of a comparison on this machine', () => {
  const plan = (...devices: string[]): Pick<ComparisonPlan, 'variants' | 'executor' | 'members'> => ({
    variants: devices.map((device) => ({
      ...{ name: device, slug: device, steps: 10, flops: 1, tokens: 1, parameters: 1e6, vocabulary: '' },
      experiment: ExperimentSchema.parse({ objectives: [{ type: 'mlm' }], training: { device, threads: 1 } }) as never,
    })),
    executor: { kind: 'local' },
    members: Array.from({ length: 6 }, (_, i) => ({ id: `m${i}`, variant: devices[0]!, seed: i })),
  });

  it('are as many at once as there are GPUs, and as before on the CPU', () => {
    driver(4);
    expect(gpusFor(plan('cuda'))).toBe(4);
    expect(gpusFor(plan('cpu', 'cuda'))).toBe(4);
    expect(gpusFor(plan('cpu'))).toBe(0);
    expect(workersFor(plan('cuda'), { gpus: 4 })).toBe(4);
    expect(workersFor(plan('cuda'), { gpus: 9 })).toBe(6);
    expect(workersFor(plan('cuda'), { gpus: 0 })).toBe(1);
    expect(workersFor(plan('webgpu'), { gpus: 4 })).toBe(1);
    expect(workersFor(plan('cpu'), { gpus: 0, cores: 3, memory: 64e9 })).toBe(3);
  });

  /** Runs real processes that note when they begin and end, and with which arguments; those that were said, in order. */
  async function run(workers: number, gpus: number): Promise<string[]> {
    const log = join(folder, 'log');
    const script = 'log=$1; shift; echo "begin $*" >> "$log"; sleep 0.1; echo "end $*" >> "$log"';
    const command = (member: string): string[] => ['/bin/sh', '-c', script, 'sh', log, member];
    await localExecutor(workers, gpus).run(['a', 'b', 'c', 'd', 'e'], {
      folder,
      command,
      tell: (message) => expect.unreachable(message),
      warn: (message) => expect.unreachable(message),
      signal: new AbortController().signal,
    });
    return readFileSync(log, 'utf8').trim().split('\n');
  }

  it('have one GPU each, which no other has at the time', async () => {
    const lines = await run(2, 2);
    expect(lines).toHaveLength(10);
    const busy = new Set<string>();
    for (const line of lines) {
      const [, what, gpu] = /^(begin|end) [a-e] --device-index (\d)$/.exec(line) ?? [];
      expect({ line, free: !busy.has(gpu!) }).toEqual({ line, free: what === 'begin' });
      if (what === 'begin') busy.add(gpu!);
      else busy.delete(gpu!);
    }
    expect(lines.filter((line) => line.endsWith('1')).length).toBeGreaterThanOrEqual(4);
  });

  it('share the GPUs where more were asked for at once', async () => {
    const begun = (await run(4, 2)).slice(0, 4);
    expect(begun.map((line) => line.at(-1)).sort()).toEqual(['0', '0', '1', '1']);
  });

  it('use what the experiment says where there is one GPU, or none', async () => {
    expect((await run(1, 1))[0]).toBe('begin a');
  });
});
