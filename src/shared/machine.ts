import * as z from 'zod/mini';
import { UserError } from './errors';
import { formatLarge } from './format';

/** What came of one matrix product on a provider. `why` says what went wrong. */
export const Trial = z.union([
  z.object({ works: z.literal(true), seconds: z.number() }),
  z.object({ works: z.literal(false), why: z.string() }),
]);
export type Trial = z.infer<typeof Trial>;

/** What is missing, and the one line of the shell that mends it; `provider` is what Set Up CUDA installs. */
export const Missing = z.object({ part: z.enum(['gpu', 'provider', 'libraries', 'vulkan']), what: z.string(), mend: z.string() });
export type Missing = z.infer<typeof Missing>;

/** A GPU as its driver describes it; memory in MiB. */
export const Gpu = z.object({ name: z.string(), driver: z.string(), memory: z.number(), computeCapability: z.string() });
export type Gpu = z.infer<typeof Gpu>;

/** What a machine has for training, and lacks. */
export const Diagnosis = z.object({
  /** Version of Objective Lab. */
  version: z.string(),
  platform: z.string(),
  node: z.string(),
  /** Version of ONNX Runtime. */
  runtime: z.string(),
  processor: z.object({ model: z.string(), threads: z.int() }),
  /** Of one thread, in a product of 512 × 512 matrices; absent when the CPU's provider does not work. */
  sgemmGflops: z.optional(z.number()),
  /** In bytes, within the limit of the container; `available` to this process. */
  memory: z.object({ total: z.number(), available: z.number() }),
  /** In bytes, where `folder` is. */
  disk: z.object({ folder: z.string(), available: z.number() }),
  providers: z.object({ cpu: Trial, cuda: Trial, webgpu: Trial }),
  cuda: z.object({
    gpus: z.array(Gpu),
    /** What is wrong with the provider's files; absent when they are there and of the runtime's version. */
    provider: z.optional(z.string()),
    /** The libraries that the provider is linked with, or the one that would be downloaded, and the folder where the system's loader finds each, if it does. */
    libraries: z.array(z.object({ name: z.string(), folder: z.optional(z.string()) })),
  }),
  /** What keeps providers from working here, as far as it can be seen, in the order in which to mend it. */
  missing: z.array(Missing),
});
export type Diagnosis = z.infer<typeof Diagnosis>;

/** The CUDA provider that was put beside the runtime: where, the libraries of CUDA that it needs, and what came of it. */
export const CudaSetUp = z.object({ libraries: z.string(), needs: z.array(z.string()), trial: Trial });
export type CudaSetUp = z.infer<typeof CudaSetUp>;

/** Whether the runtime can use CUDA. @param platform, arch as Node names them */
export const isCudaPlatform = (platform: string, arch: string): boolean => platform === 'linux' && arch === 'x64';

/** @throws UserError (code `cuda`) where the runtime cannot use CUDA. @param platform, arch as Node names them */
export function requireCudaPlatform(platform: string, arch: string): void {
  if (isCudaPlatform(platform, arch)) return;
  throw new UserError(
    `ONNX Runtime for Node uses CUDA on Linux x64 alone, not on ${platform} ${arch}.`,
    'Use "webgpu" for the graphics card of this machine.',
    'cuda',
  );
}

/** What is downloaded where a person asks for it: the registry of these packages takes none above 250 MB. */
export const DOWNLOAD =
  "the installer of ONNX Runtime fetches its makers' build for CUDA 12 from NuGet, a package of up to 250 MB. For CUDA 13, name a folder or a package that holds the provider.";

/** One line of a diagnosis. `works` where it is about a provider. */
export interface MachineRow {
  readonly name: string;
  readonly text: string;
  readonly works?: boolean;
}

export function machineRows({
  version,
  platform,
  node,
  runtime,
  processor,
  sgemmGflops,
  memory,
  disk,
  providers,
  cuda,
}: Diagnosis): MachineRow[] {
  const provider = (name: string, trial: Trial): MachineRow => ({
    name,
    text: trial.works ? `works (${trial.seconds.toFixed(2)} s for the first product)` : `does not work: ${trial.why}`,
    works: trial.works,
  });
  return [
    { name: 'version', text: `Objective Lab ${version}, ONNX Runtime ${runtime}, Node ${node}, ${platform}` },
    { name: 'processor', text: `${processor.model}, ${processor.threads} threads` },
    { name: 'SGEMM', text: sgemmGflops === undefined ? 'not measured' : `${sgemmGflops.toFixed(0)} GFLOP/s on one thread` },
    { name: 'memory', text: `${formatLarge(memory.available)}B of ${formatLarge(memory.total)}B available` },
    { name: 'disk', text: `${formatLarge(disk.available)}B available in ${disk.folder}` },
    ...cuda.gpus.map((gpu, i) => ({
      name: `GPU ${i}`,
      text: `${gpu.name}, ${gpu.memory} MiB, compute capability ${gpu.computeCapability}, driver ${gpu.driver}`,
    })),
    provider('cpu', providers.cpu),
    provider('cuda', providers.cuda),
    provider('webgpu', providers.webgpu),
  ];
}

/** A diagnosis as text, for a terminal and for reports of defects. */
export function machineText(diagnosis: Diagnosis): string {
  const rows = machineRows(diagnosis);
  const width = Math.max(...rows.map(({ name }) => name.length));
  const mends = diagnosis.missing.flatMap(({ what, mend }, i) => [`  ${i + 1}. ${what}`, `     ${mend}`]);
  return [
    ...rows.map(({ name, text }) => `${name.padEnd(width)}  ${text}`),
    ...(mends.length === 0 ? [] : ['', 'What is missing, for those that do not work, and what mends it:', ...mends]),
  ].join('\n');
}
