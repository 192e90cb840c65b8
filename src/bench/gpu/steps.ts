import type { Preset } from '../../experiment/model';
import { flopsOf, productsOf } from '../../onnx/flops';
import { size, type Tensor } from '../../onnx/types';
import { compileStep } from '../../train/step';
import { BenchmarkModel, OPTIMISER } from '../workload';
import type { Precision } from '../../shared/types';
import { makeRunner, type Device } from './runner';

export interface StepsSpec {
  readonly preset: Preset;
  readonly precision: Precision;
  readonly device: Device;
  /** Sequences of a step. */
  readonly batch: number;
  readonly dropout: number;
  /** Steps in a run, from few to many. */
  readonly chunks: readonly number[];
}

/** What a step is, before any is timed. */
export interface StepsHead {
  readonly parameters: number;
  /** Tokens of a step. */
  readonly tokens: number;
  readonly formulaFlops: number;
  /** Of the matrix products that the graph holds. */
  readonly executedFlops: number;
  /** What a run carries to the device and back, whatever it does: parameters and moments. */
  readonly runBytes: number;
  /** What it carries for each step: batch and scalars. */
  readonly stepBytes: number;
}

/** Runs of `k` steps each. */
export interface StepsTimes {
  readonly k: number;
  readonly seconds: readonly number[];
  readonly losses: readonly number[];
}

/** Runs that are timed, after one that allocates. */
const RUNS = 3;
/** A number of steps whose run would take longer, in seconds, is not tried; by the time of shorter runs, which is more than it takes. */
const LONGEST_TRY = 8;
/** Scalars of a step: the schedule's three and the key go in, the loss, its sum and the norm come out; 4 bytes each. */
const SCALAR_BYTES = 4 * (4 + 3);

/** Times runs of more and more steps; each result is given as soon as it is there. */
export async function* timeSteps(spec: StepsSpec): AsyncGenerator<StepsHead | StepsTimes> {
  const { preset, precision, device, batch, dropout, chunks } = spec;
  const model = new BenchmarkModel({ preset, objectives: ['mlm'], dropout, batch });
  yield headOf(model);
  const runner = await makeRunner(model, device, precision);
  let perStep = 0;
  for (const k of chunks) {
    if (k * perStep > LONGEST_TRY) break;
    const losses = await runner.run(k);
    const seconds: number[] = [];
    while (seconds.length < RUNS) {
      const start = performance.now();
      losses.push(...(await runner.run(k)));
      seconds.push((performance.now() - start) / 1000);
    }
    perStep = Math.min(...seconds) / k;
    yield { k, seconds, losses };
  }
  await runner.release();
}

function headOf(model: BenchmarkModel): StepsHead {
  const parameters = model.losses.specs.reduce((sum, { shape }) => sum + size(shape), 0);
  const products = productsOf(compileStep({ ...model.losses, ...OPTIMISER }, 'anywhere'));
  const batch = [...model.batch(0).values()].reduce((sum, { data }: Tensor) => sum + data.byteLength, 0);
  return {
    parameters,
    tokens: model.tokens,
    formulaFlops: model.formulaFlops,
    executedFlops: flopsOf(products),
    runBytes: 2 * 3 * 4 * parameters,
    stepBytes: batch + SCALAR_BYTES,
  };
}
