import { statfsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { resolve } from 'node:path';
import { version } from '../../package.json';
import { SgemmProbe } from '../bench/sgemm';
import type { Diagnosis, Missing } from '../shared/machine';
import { availableMemory, memoryOf } from '../train/device-memory';
import { examineCuda, SUDO } from './cuda';
import { runtimeOf } from './packages';
import { tryApart } from './trial';

/**
 * What this machine has for training, and lacks. Takes some seconds; changes and fetches nothing.
 *
 * @param cli the command line: Node, and the path of `cli.js`. @param folder where runs would be kept
 */
export async function examine(cli: readonly [string, string], folder: string): Promise<Diagnosis> {
  const runtime = runtimeOf(cli[1]);
  // One after the other: each is timed.
  const [cpu, cuda, webgpu] = [await tryApart('cpu', cli), await tryApart('cuda', cli), await tryApart('webgpu', cli)];
  const { missing, ...state } = examineCuda(runtime, cuda);
  const { bavail, bsize } = statfsSync(folder);
  return {
    version,
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    runtime: runtime.version,
    processor: { model: cpus()[0]?.model.trim() ?? 'unknown', threads: availableParallelism() },
    ...(cpu.works && { sgemmGflops: await sgemmRate() }),
    memory: { total: memoryOf('cpu')!, available: availableMemory('cpu')! },
    disk: { folder: resolve(folder), available: bavail * bsize },
    providers: { cpu, cuda, webgpu },
    cuda: state,
    missing: [...(cuda.works ? [] : missing), ...(webgpu.works ? [] : WEBGPU)],
  };
}

/** WebGPU runs on Vulkan on Linux, and on what comes with the system elsewhere. */
const WEBGPU: readonly Missing[] =
  process.platform === 'linux'
    ? [{ part: 'vulkan', what: "A GPU's driver for Vulkan, for WebGPU.", mend: `${SUDO}apt-get install mesa-vulkan-drivers` }]
    : [];

const SIDE = 512;
const ROUNDS = 20;

async function sgemmRate(): Promise<number> {
  const probe = await SgemmProbe.create({ batch: 1, m: SIDE, n: SIDE, k: SIDE, transA: false, transB: false }, 1);
  for (let i = 0; i < ROUNDS; i++) await probe.run();
  await probe.release();
  return probe.rate;
}
