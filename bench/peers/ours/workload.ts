// Writes the workload that all contenders read: `node workload.js FOLDER PRESET DROPOUT`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BenchmarkModel } from '../../../src/bench/workload';
import type { Preset } from '../../../src/experiment/model';
import { toHuggingFaceConfig } from '../../../src/model/huggingface';
import { size } from '../../../src/onnx/types';

/** Batches, which are taken in turn. */
const BATCHES = 8;

const [folder, preset, dropout] = process.argv.slice(2) as [string, Preset, string];
const model = new BenchmarkModel({ preset, objectives: ['mlm'], dropout: Number(dropout) });

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

const workload = {
  preset,
  dropout: Number(dropout),
  config: toHuggingFaceConfig(model.config, 0),
  optimiser: { learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, gradientClip: 1 },
  /** Sequences, tokens in each, and masked positions in each. */
  shape: { batch, length, slots },
  /** Offsets into weights.bin, in float32 numbers. */
  parameters,
  batches,
};
writeFileSync(join(folder, 'workload.json'), JSON.stringify(workload));
writeFileSync(join(folder, 'weights.bin'), weights);
