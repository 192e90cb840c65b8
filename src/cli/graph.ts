import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { UserError } from '../shared/errors';
import { readOnnxFile } from '../model/onnx-file';
import { topologicalOrder, type Outputs } from '../onnx/graph';
import { flopsOf, productsOf } from '../onnx/flops';
import { optimise } from '../onnx/optimise';
import { print } from '../onnx/print';
import { serialise } from '../onnx/serialise';
import type { Shape } from '../onnx/types';
import { trainingLosses } from '../train/compile';
import { loadExperiment } from '../train/experiment';
import { replaceFile } from '../train/storage';
import { keyOf } from '../train/plan';
import { setUp } from '../train/setup';
import { compileStep } from '../train/step';

interface Options {
  readonly out?: string;
  readonly print?: boolean;
  readonly shape?: Readonly<Record<string, Shape>>;
  readonly objectives?: string;
}

/**
 * Writes the training step of an experiment, forward, backward and AdamW, as an ONNX model, or as a person would write it; prints an ONNX file from
 * elsewhere in the same way.
 */
export async function graphCommand(source: string, { out, print: printed, shape, objectives }: Options): Promise<void> {
  const elsewhere = source.endsWith('.onnx');
  if (out === undefined && !printed)
    throw new UserError('Nothing was asked for.', 'Add --out step.onnx to write the model, or --print to read it.', 'graph');
  if (elsewhere && out !== undefined)
    throw new UserError(`${source} is an ONNX model already.`, 'Leave --out away; only experiments are written as models.', 'graph');
  if (!elsewhere && shape)
    throw new UserError(
      `${source} is an experiment, which fixes all shapes.`,
      'Leave --shape away; only ONNX files leave shapes open.',
      'graph',
    );
  const graph = elsewhere ? optimise(readOnnxFile(source, shape).outputs) : await trainingStep(source, objectives);
  if (printed) process.stdout.write(print(graph));
  if (out === undefined) return;
  const model = serialise(graph);
  replaceFile(resolve(out), [model]);
  const gflop = (flopsOf(productsOf(graph)) / 1e9).toFixed(2);
  process.stderr.write(
    `${out}: ${topologicalOrder(graph.values()).length} nodes, ${gflop} GFLOP in matrix products a step, ${Math.ceil(model.length / 1000)} kB\n`,
  );
}

/** @param objectives which of the sets of objectives that the experiment trains together; the first when absent */
async function trainingStep(path: string, objectives: string | undefined): Promise<Outputs> {
  const { corpus, config, plan, experiment } = await setUp(loadExperiment(path), () => undefined);
  corpus.dataset.close();
  const set = objectives === undefined ? plan.sets[0] : plan.sets.find((each) => keyOf(each) === objectives);
  if (!set) {
    throw new UserError(`${path} has no step for "${objectives}".`, `Its steps train ${plan.sets.map(keyOf).join(' or ')}.`, 'graph');
  }
  return compileStep({ ...trainingLosses(config, set), ...experiment.training }, 'anywhere', experiment.training.precision);
}

/** `input_ids=2x8,attention_mask=2x8`. */
export function parseShapes(text: string): Record<string, Shape> {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [, name, extents] = /^(.+)=(\d+(?:x\d+)*)$/.exec(part) ?? [];
      if (name === undefined || extents === undefined) throw new InvalidArgumentError('Write it as input_ids=2x8,attention_mask=2x8.');
      return [name, extents.split('x').map(Number)];
    }),
  );
}
