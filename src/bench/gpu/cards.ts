import type { Precision } from '../../shared/types';

/** Dense peaks in TFLOP/s, without the doubling by structured sparsity, where they are known. */
export type Peaks = Readonly<Partial<Record<Precision, number>>>;

/** A card with its peaks, and the rate of its memory in GB/s. */
export interface Card extends Peaks {
  readonly name: string;
  readonly memory: number;
}

export const PEAK_SOURCE = "NVIDIA's data sheets and architecture white papers: dense, float32 accumulation";

/** By what `nvidia-smi` calls them, the more special first. A precision that is absent has no tensor cores on that card. */
const CARDS: readonly (Card & { readonly pattern: RegExp })[] = [
  { pattern: /\bH200\b/, name: 'H200 SXM', fp32: 66.9, tf32: 494.7, bf16: 989.4, memory: 4800 },
  { pattern: /\bH100\b.*NVL/, name: 'H100 NVL', fp32: 60, tf32: 417.5, bf16: 835.5, memory: 3900 },
  { pattern: /\bH100\b.*PCIe/i, name: 'H100 PCIe', fp32: 51.2, tf32: 378, bf16: 756, memory: 2000 },
  { pattern: /\bH100\b/, name: 'H100 SXM', fp32: 66.9, tf32: 494.7, bf16: 989.4, memory: 3350 },
  { pattern: /A100.*80GB/, name: 'A100 80GB', fp32: 19.5, tf32: 156, bf16: 312, memory: 1935 },
  { pattern: /A100/, name: 'A100 40GB', fp32: 19.5, tf32: 156, bf16: 312, memory: 1555 },
  { pattern: /L40S/, name: 'L40S', fp32: 91.6, tf32: 183, bf16: 362, memory: 864 },
  { pattern: /\bL4\b/, name: 'L4', fp32: 30.3, tf32: 60, bf16: 121, memory: 300 },
  { pattern: /\bA10\b/, name: 'A10', fp32: 31.2, tf32: 62.5, bf16: 125, memory: 600 },
  { pattern: /\bT4\b/, name: 'T4', fp32: 8.1, memory: 320 },
  { pattern: /RTX 4090(?! (?:D|Laptop))/, name: 'RTX 4090', fp32: 82.6, tf32: 82.6, bf16: 165.2, memory: 1008 },
];

/** The card that goes by this name, if its peaks are known. */
export function cardOf(name: string): Card | undefined {
  const found = CARDS.find(({ pattern }) => pattern.test(name));
  if (!found) return undefined;
  const { pattern: _pattern, ...card } = found;
  return card;
}
