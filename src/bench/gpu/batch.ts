import type { Preset } from '../../experiment/model';
import { memoryNeed, totalOf } from '../../train/memory';
import { Plan } from '../../train/plan';
import { BenchmarkModel, OPTIMISER } from '../workload';

export const MOST_SEQUENCES = 256;
const FEWEST_SEQUENCES = 2;

/** How often what a run is estimated to need is to fit: the estimate was not measured on CUDA, whose allocator takes memory in ever larger blocks. */
const MARGIN = 2;

/** The most sequences of a step, a power of two, with which each of the models fits well into a GPU. @param memory of the GPU, in bytes */
export function batchFor(memory: number, presets: readonly Preset[], dropout: number): number {
  const need = (preset: Preset, batch: number): number => {
    const { config, instances } = new BenchmarkModel({ preset, objectives: ['mlm'], dropout, batch });
    return totalOf(memoryNeed(config, new Plan(instances, { kind: 'sum' }, 1), OPTIMISER, { provider: 'cuda' }));
  };
  let batch = MOST_SEQUENCES;
  while (batch > FEWEST_SEQUENCES && presets.some((preset) => MARGIN * need(preset, batch) > memory)) batch /= 2;
  return batch;
}
