import { flopsOf, productOf } from '../../onnx/flops';
import { topologicalOrder, type Node, type Outputs } from '../../onnx/graph';
import { ALIASES, bytesOf } from '../../onnx/memory';
import type { Type } from '../../onnx/types';

/** What a kernel does: floating-point operations of its matrix product, 0 if it is none, and bytes that it reads and writes. */
export interface Work {
  readonly flops: number;
  readonly bytes: number;
}

/** What a step asks of a device, by its graph alone. */
export interface Intensity {
  /** Nodes that run a kernel: those that only give a tensor another shape do not. */
  readonly kernels: number;
  readonly flops: number;
  /** Of the matrix products, each reading its operands and writing its result once. */
  readonly productBytes: number;
  /** Of all kernels. */
  readonly bytes: number;
  /** FLOP a byte: of the products alone, and of the whole step. */
  readonly productIntensity: number;
  readonly stepIntensity: number;
}

/** They read of their first operand as much as they give out. */
const SELECTING: ReadonlySet<Node['op']> = new Set(['Gather', 'GatherElements', 'GatherND', 'Slice', 'Split']);

/**
 * The work of every kernel of a graph, each node being one: a runtime that fuses nodes reads and writes less. Caches count for nothing: what a kernel
 * needs comes from the device's memory.
 */
export const workOf = (graph: Outputs): Work[] =>
  topologicalOrder(graph.values())
    .filter(({ op }) => !ALIASES.has(op))
    .map(kernelWork);

function kernelWork(node: Node): Work {
  const product = productOf(node);
  const written = sumOf(node.outputs);
  const read = SELECTING.has(node.op) ? written + sumOf(node.inputs.slice(1)) : sumOf(node.inputs);
  return { flops: product ? flopsOf([product]) : 0, bytes: read + written };
}

const sumOf = (types: readonly Type[]): number => types.reduce((sum, type) => sum + bytesOf(type), 0);

export function intensityOf(work: readonly Work[]): Intensity {
  const sum = (of: (each: Work) => number): number => work.reduce((total, each) => total + of(each), 0);
  const flops = sum((each) => each.flops);
  const bytes = sum((each) => each.bytes);
  const productBytes = sum((each) => (each.flops > 0 ? each.bytes : 0));
  return { kernels: work.length, flops, productBytes, bytes, productIntensity: flops / productBytes, stepIntensity: flops / bytes };
}

/**
 * The shortest time of a step in seconds if every kernel ran at the card's roofline (Williams et al., 2009): the longer of its operations at the peak
 * and its bytes at the rate of the memory.
 *
 * @param peak in TFLOP/s. @param memory in GB/s
 */
export const rooflineSeconds = (work: readonly Work[], peak: number, memory: number): number =>
  work.reduce((sum, { flops, bytes }) => sum + Math.max(flops / (peak * 1e12), bytes / (memory * 1e9)), 0);
