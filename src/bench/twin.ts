import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHuggingFaceConfig } from '../model/huggingface';
import { size } from '../onnx/types';
import { BATCHES, BenchmarkModel, LEARNING_RATE, OPTIMISER, type Workload } from './workload';

/**
 * Writes masked language modelling as other frameworks read it, by the protocol of `bench/peers/README.md`: `workload.json` and `weights.bin` in a folder
 * that is there. @returns the model that they describe
 */
export function writeTwin(folder: string, workload: Omit<Workload, 'objectives'>): BenchmarkModel {
  const model = new BenchmarkModel({ ...workload, objectives: ['mlm'] });
  let offset = 0;
  const parameters = model.losses.specs.map(({ name, shape }) => {
    const entry = { name, shape, offset };
    offset += size(shape);
    return entry;
  });
  const weights = new Float32Array(offset);
  for (const { name, offset: start } of parameters) weights.set(model.state.parameters.get(name)!.data as Float32Array, start);

  const batches = Array.from({ length: BATCHES }, (_, step) => {
    const feeds = model.batch(step);
    const numbers = (name: string): number[] => Array.from(feeds.get(`mlm.${name}`)!.data, Number);
    // The others take the plain mean over the slots, so no slot may weigh less than another.
    if (new Set(numbers('weights')).size !== 1) throw new Error('The slots of a batch have different weights.');
    return { inputIds: numbers('inputIds'), slots: numbers('slots'), labels: numbers('labels') };
  });
  const [batch, length] = model.batch(0).get('mlm.inputIds')!.shape;
  const slots = model.batch(0).get('mlm.slots')!.shape[1];
  const twin = {
    preset: workload.preset,
    dropout: workload.dropout,
    config: toHuggingFaceConfig(model.config, 0),
    optimiser: { learningRate: LEARNING_RATE, ...OPTIMISER },
    /** Sequences, tokens in each, and masked positions in each. */
    shape: { batch, length, slots },
    /** Offsets into weights.bin, in float32 numbers. */
    parameters,
    batches,
  };
  writeFileSync(join(folder, 'workload.json'), JSON.stringify(twin));
  writeFileSync(join(folder, 'weights.bin'), weights);
  return model;
}
