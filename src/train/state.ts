import type { AdamWOptions } from '../onnx/adamw';
import { allocate, size, type Shape, type Tensor } from '../onnx/types';
import type { ParameterSpec } from '../model/parameters';
import assembled from './adamw.wat';
import { gradientName, momentName } from './step';

const PAGE = 2 ** 16;
const LARGEST_MEMORY = 2 ** 16 * PAGE;
const ALIGNMENT = 16;

type Update = (...numbers: number[]) => void;

/**
 * What training changes: parameters, moments, and the gradients that a step leaves behind. They lie side by side in one WebAssembly memory, where
 * ONNX Runtime reads and writes them as typed arrays and AdamW updates them in one pass, a third of the time that the same update takes as
 * operators of a graph (`bench/README.md`).
 */
export class TrainingState {
  readonly parameters = new Map<string, Tensor>();
  /** The moments, under {@link momentName}. */
  readonly optimiser = new Map<string, Tensor>();
  /** Under {@link gradientName}; empty when all together do not fit into the 4 GiB of a WebAssembly memory, and `update` cannot be used. */
  readonly gradients = new Map<string, Tensor>();
  readonly #update: Update | undefined;
  /** Bytes of all parameters, and of those among them that decay, which come first. */
  readonly #bytes: number;
  readonly #decaying: number;

  constructor(specs: readonly ParameterSpec[]) {
    const ordered = [...specs.filter(({ decays }) => decays), ...specs.filter(({ decays }) => !decays)];
    const bytesOf = ({ shape }: ParameterSpec): number => Math.ceil((4 * size(shape)) / ALIGNMENT) * ALIGNMENT;
    const total = (some: readonly ParameterSpec[]): number => some.reduce((sum, spec) => sum + bytesOf(spec), 0);
    this.#bytes = total(ordered);
    this.#decaying = total(ordered.filter(({ decays }) => decays));

    const needed = 4 * this.#bytes;
    const memory =
      needed <= LARGEST_MEMORY ? new WebAssembly.Memory({ initial: Math.ceil(needed / PAGE), maximum: LARGEST_MEMORY / PAGE }) : undefined;
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
      offset += bytesOf(spec);
    }
    this.#update = memory && (new WebAssembly.Instance(new WebAssembly.Module(assembled), { state: { memory } }).exports.update as Update);
  }

  /**
   * One AdamW update by the gradients that are there: the same bits as the graph of `compileStep` gives.
   *
   * @param clip factor for all gradients
   * @param schedule the step's scalars, as `adamWSchedule` gives them
   */
  update(
    clip: number,
    { beta1, beta2 }: AdamWOptions,
    { decay, stepSize, epsilon }: Record<'decay' | 'stepSize' | 'epsilon', number>,
  ): void {
    if (!this.#update) throw new Error('The model is too large to be updated outside its graph.');
    const blocks = [0, 1, 2, 3].map((block) => block * this.#bytes);
    const update = (from: number, to: number, factor: number): void =>
      this.#update!(...blocks.map((start) => start + from), to - from, clip, beta1, 1 - beta1, beta2, 1 - beta2, factor, stepSize, epsilon);
    update(0, this.#decaying, decay);
    update(this.#decaying, this.#bytes, 1);
  }
}
