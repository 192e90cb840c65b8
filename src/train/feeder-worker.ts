import { parentPort, workerData } from 'node:worker_threads';
import type { Batch } from '../objectives/objective';
import { toWireError } from '../shared/rpc';
import { batchesOf, type FeederMessage, type FeederStart } from './feeder-protocol';
import { openDataset, planOf } from './recipe';

/** The thread that makes batches ahead of the trainer: as many as it has leave for. */
const { recipe, from } = workerData as FeederStart;
const port = parentPort!;

function open(): (step: number) => Batch[] {
  const dataset = openDataset(recipe);
  const plan = planOf(recipe);
  return (step) => batchesOf(plan, dataset.train, step);
}

let make: ReturnType<typeof open> | undefined;
let step = from;
port.on('message', (leave: number) => {
  try {
    // Not sooner: what is wrong with the text is told as the reason why there is no batch.
    make ??= open();
    for (let i = 0; i < leave && step < recipe.steps; i++, step++) {
      const batches = make(step);
      const buffers = batches.flatMap((batch) => Object.values(batch).map(({ data }) => data.buffer as ArrayBuffer));
      port.postMessage({ batches } satisfies FeederMessage, [...new Set(buffers)]);
    }
  } catch (error) {
    port.postMessage({ error: toWireError(error) } satisfies FeederMessage);
  }
});
