import { resolve } from 'node:path';
import { UserError } from '../shared/errors';
import { topologicalOrder } from '../onnx/graph';
import { flopsOf, productsOf } from '../onnx/flops';
import { print } from '../onnx/print';
import { serialise } from '../onnx/serialise';
import { loadExperiment } from '../train/experiment';
import { replaceFile } from '../train/files';
import { setUp } from '../train/setup';
import { compileStep } from '../train/step';

/** Writes the training step of an experiment, forward, backward and AdamW, as an ONNX model, or as a person would write it. */
export async function graphCommand(experiment: string, { out, print: printed }: { out?: string; print?: boolean }): Promise<void> {
  if (out === undefined && !printed)
    throw new UserError('Nothing was asked for.', 'Add --out step.onnx to write the model, or --print to read it.', 'graph');
  const setup = await setUp(loadExperiment(experiment), () => undefined);
  setup.corpus.dataset.close();
  const step = compileStep({ ...setup.losses, ...setup.experiment.training });
  if (printed) process.stdout.write(print(step));
  if (out === undefined) return;
  const model = serialise(step);
  replaceFile(resolve(out), [model]);
  const gflop = (flopsOf(productsOf(step)) / 1e9).toFixed(2);
  process.stderr.write(
    `${out}: ${topologicalOrder(step.values()).length} nodes, ${gflop} GFLOP in matrix products a step, ${Math.ceil(model.length / 1000)} kB\n`,
  );
}
