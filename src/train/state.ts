import type { AdamWOptions } from '../onnx/adamw';
import { allocate, filled, size, type Shape, type Tensor } from '../onnx/types';
import type { ParameterSpec } from '../model/parameters';
import type { BufferSpec } from '../objectives/objective';
import assembled from './adamw.wat';
import { gradientName, momentName, nextName } from './step';

const PAGE = 2 ** 16;
const LARGEST_MEMORY = 2 ** 16 * PAGE;
const ALIGNMENT = 16;

type Kernel = (...numbers: number[]) => void;
type Schedule = Readonly<Record<'decay' | 'stepSize' | 'epsilon', number>>;

/** Bytes that a parameter takes in the memory of the state. */
const placeOf = ({ shape }: ParameterSpec): number => Math.ceil((4 * size(shape)) / ALIGNMENT) * ALIGNMENT;
const placesOf = (specs: readonly ParameterSpec[]): number => specs.reduce((sum, spec) => sum + placeOf(spec), 0);

/** Whether a state with these parameters has room for gradients, and can be updated outside a graph. */
export const updatesItself = (specs: readonly ParameterSpec[]): boolean => 4 * placesOf(specs) <= LARGEST_MEMORY;

/** A stretch of parameters that lie one after another and all decay, or all do not: bytes from the beginning of the parameters. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly decays: boolean;
}

/**
 * What training changes: parameters, moments, buffers of objectives, and the gradients that a step leaves behind. Parameters, moments and gradients lie
 * side by side in one WebAssembly memory, where ONNX Runtime reads and writes them as typed arrays and AdamW updates them in one pass, a third of the
 * time that the same update takes as operators of a graph (`bench/README.md`).
 */
export class TrainingState {
  readonly parameters = new Map<string, Tensor>();
  /** The moments, under {@link momentName}. */
  readonly optimiser = new Map<string, Tensor>();
  readonly buffers: ReadonlyMap<string, Tensor>;
  /** Under {@link gradientName}; empty when all together do not fit into the 4 GiB of a WebAssembly memory, and `update` cannot be used. */
  readonly gradients = new Map<string, Tensor>();
  /** See `adamw.wat`. */
  readonly #kernel: Kernel | undefined;
  readonly #ranges = new Map<string, Range>();
  /** Bytes of all parameters. */
  readonly #bytes: number;

  constructor(specs: readonly ParameterSpec[], buffers: readonly BufferSpec[] = []) {
    this.buffers = new Map(buffers.map(({ name, shape }) => [name, filled('float32', shape, 0)]));
    // Those that decay first: what lies together is updated together.
    const ordered = [...specs.filter(({ decays }) => decays), ...specs.filter(({ decays }) => !decays)];
    this.#bytes = placesOf(ordered);
    const needed = 4 * this.#bytes;
    const memory = updatesItself(specs)
      ? new WebAssembly.Memory({ initial: Math.ceil(needed / PAGE), maximum: LARGEST_MEMORY / PAGE })
      : undefined;
    let offset = 0;
    const place = (block: number, shape: Shape): Tensor => ({
      dtype: 'float32',
      shape,
      data: memory ? new Float32Array(memory.buffer, block * this.#bytes + offset, size(shape)) : allocate('float32', size(shape)),
    });
    for (const spec of ordered) {
      this.parameters.set(spec.name, place(0, spec.shape));
      this.optimiser.set(momentName('m', spec.name), place(1, spec.shape));
      this.optimiser.set(momentName('v', spec.name), place(2, spec.shape));
      if (memory) this.gradients.set(gradientName(spec.name), place(3, spec.shape));
      this.#ranges.set(spec.name, { start: offset, end: offset + placeOf(spec), decays: spec.decays });
      offset += placeOf(spec);
    }
    if (memory) {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assembled), { state: { memory } });
      this.#kernel = exports.update as Kernel;
    }
  }

  /** Takes over what a step has left in `next` for the buffers, under {@link nextName}. */
  turn(next: ReadonlyMap<string, Tensor>): void {
    for (const [name, { data }] of this.buffers) {
      const after = next.get(nextName(name));
      if (after) data.set(after.data as never);
    }
  }

  /** Parameters as few stretches. */
  rangesOf(names: Iterable<string>): Range[] {
    const merged: Range[] = [];
    for (const range of [...names].map((name) => this.#ranges.get(name)!).sort((a, b) => a.start - b.start)) {
      const last = merged.at(-1);
      if (last?.end === range.start && last.decays === range.decays) merged[merged.length - 1] = { ...last, end: range.end };
      else merged.push(range);
    }
    return merged;
  }

  /**
   * One AdamW update by the gradients that are there: the same bits as the graph of `compileStep` gives.
   *
   * @param clip factor for all gradients
   * @param schedule the step's scalars, as `adamWSchedule` gives them
   */
  update(ranges: readonly Range[], clip: number, { beta1, beta2 }: AdamWOptions, { decay, stepSize, epsilon }: Schedule): void {
    if (!this.#kernel) throw new Error('The model is too large to be updated outside its graph.');
    const blocks = [0, 1, 2, 3].map((block) => block * this.#bytes);
    for (const { start, end, decays } of ranges) {
      const factor = decays ? decay : 1;
      const places = blocks.map((block) => block + start);
      this.#kernel(...places, end - start, clip, beta1, 1 - beta1, beta2, 1 - beta2, factor, stepSize, epsilon);
    }
  }
}
