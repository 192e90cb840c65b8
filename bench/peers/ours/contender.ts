import { createRequire } from 'node:module';
import { BenchmarkModel } from '../../../src/bench/workload';
import { createStepper } from '../../../src/train/stepper';
import { readWorkload, serve } from '../protocol.mjs';

const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
const threads = Number(process.env.THREADS);
const { preset, dropout, optimiser, batches } = readWorkload(process.argv[2]);

// Model and batches are made as `workload.ts` made them; that they are the same shows in the losses.
const model = new BenchmarkModel({ preset, objectives: ['mlm'], dropout });
const feeds = batches.map((_: unknown, step: number) => model.batch(step));
const stepper = await createStepper(model.losses, optimiser, model.state, { threads });

let count = 0;
await serve({ name: 'ours', versions: { 'onnxruntime-node': version }, threads }, async () => {
  const [scalars] = await stepper.steps([{ feeds: feeds[count % feeds.length], t: [++count], learningRate: optimiser.learningRate }]);
  return scalars!.get('loss:total');
});
