import { execFileSync } from 'node:child_process';
import { delimiter } from 'node:path';
import type { Gpu } from '../shared/machine';

/** The GPUs that `nvidia-smi` lists; none where there is no driver. */
export function findGpus(): Gpu[] {
  return query(DESCRIPTION).map(gpuFrom);
}

/** The GPU that CUDA calls by this number, which `CUDA_VISIBLE_DEVICES` may have given to any; undefined where there is none. */
export function gpuOf(index: number): Gpu | undefined {
  return queryOne(index, DESCRIPTION).map(gpuFrom)[0];
}

const DESCRIPTION = 'name,driver_version,memory.total,compute_cap';

function gpuFrom(line: string): Gpu {
  const [name = '', driver = '', memory, computeCapability = ''] = line.split(', ');
  return { name, driver, memory: Number(memory), computeCapability };
}

/** How many GPUs CUDA numbers from 0 in this process and its children: all, or those that `CUDA_VISIBLE_DEVICES` names up to the first that is none. */
export function countGpus(): number {
  const all = findGpus().length;
  const names = visible();
  if (!names) return all;
  const wrong = names.findIndex((name) => !(/^\d+$/.test(name) ? Number(name) < all : /^(GPU|MIG)-/.test(name)));
  return wrong < 0 ? names.length : wrong;
}

/** Bytes of a GPU, all or those that are free, by CUDA's number of it; undefined where its driver does not say. */
export function memoryOfGpu(index: number, which: 'total' | 'free'): number | undefined {
  const mebibytes = Number.parseInt(queryOne(index, `memory.${which}`)[0] ?? '', 10);
  return Number.isNaN(mebibytes) ? undefined : mebibytes * 2 ** 20;
}

const visible = (): string[] | undefined => process.env.CUDA_VISIBLE_DEVICES?.split(',').map((name) => name.trim());

/** A line of these fields for each GPU, or for the one that has the id. */
const query = (fields: string, id?: string): string[] =>
  linesOf('nvidia-smi', [...(id === undefined ? [] : [`--id=${id}`]), `--query-gpu=${fields}`, '--format=csv,noheader,nounits']);

/** The same of the GPU that CUDA calls by a number; no line where it sees none by that. */
function queryOne(index: number, fields: string): string[] {
  const names = visible();
  const id = names ? names[index] : String(index);
  return id ? query(fields, id) : [];
}

/** The lines that a program prints; none where it fails or is not there. Debian keeps some where only root's PATH leads. */
export function linesOf(program: string, args: readonly string[]): string[] {
  const PATH = [process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter);
  try {
    const text = execFileSync(program, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, PATH },
      timeout: 20_000,
    });
    return text.split('\n').filter((line) => line !== '');
  } catch {
    return [];
  }
}
