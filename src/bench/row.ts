import { topologicalOrder } from '../onnx/graph';
import { flopsOf, productsOf, type Product } from '../onnx/flops';
import { serialise } from '../onnx/serialise';
import { size } from '../onnx/types';
import { median } from '../shared/statistics';
import { adamWSchedule } from '../onnx/adamw';
import { targetOf } from '../train/device';
import { compiledGradients } from '../train/gradients';
import { compileGradients } from '../train/step';
import { fusedStepper } from '../train/stepper';
import { profile } from './profile';
import { SgemmProbe } from './sgemm';
import { BenchmarkModel, LEARNING_RATE, OPTIMISER, type Workload } from './workload';

export interface RowOptions extends Workload {
  readonly threads: number;
  /** How long steps and matrix products take turns. */
  readonly seconds: number;
}

export interface Row {
  readonly preset: string;
  readonly objectives: string;
  readonly dropout: number;
  readonly threads: number;
  readonly parameters: number;
  readonly millisecondsPerStep: number;
  readonly tokensPerSecond: number;
  /** FLOP/s by the usual formula, which counts every layer for every position, in units of 10⁹. */
  readonly gflops: number;
  /** The best that any of the step's matrix products reaches alone, in turns with the step. */
  readonly sgemmGflops: number;
  /** gflops / sgemmGflops. */
  readonly efficiency: number;
  /** FLOP/s of the matrix products that the step really does: fewer, since the last layer is computed at the masked positions alone. */
  readonly executedGflops: number;
  /** executedGflops / sgemmGflops: how close the step comes to what the machine can do. */
  readonly executedEfficiency: number;
  /** The process's largest resident set. */
  readonly peakMemoryMB: number;
  readonly nodes: number;
  readonly graphSeconds: number;
  readonly sessionSeconds: number;
  /** Share of a step's time by kind of operator, the dearest first; `AdamW` is the update outside the graph. */
  readonly operators: Readonly<Record<string, number>>;
}

const WARM_UP_STEPS = 2;
const FEWEST_ROUNDS = 5;

/** Measures one workload. Meant for a process of its own, whose memory is then the workload's. */
export async function measureRow({ threads, seconds, ...workload }: RowOptions): Promise<Row> {
  const model = new BenchmarkModel(workload);
  const { bytes, graphSeconds, products, nodes } = compile(model, threads);
  const source = await compiledGradients(bytes, model.losses, model.state, { threads });
  const stepper = fusedStepper(source, OPTIMISER, model.state, () => 0);
  let count = 0;
  const step = async (): Promise<number> => {
    const start = performance.now();
    await stepper.steps([{ feeds: model.batch(count), t: [++count], learningRate: LEARNING_RATE }]);
    return performance.now() - start;
  };
  while (count < WARM_UP_STEPS) await step();
  const peakMemoryMB = process.resourceUsage().maxRSS / 1024;

  const probes: SgemmProbe[] = [];
  for (const product of distinct(products)) probes.push(await SgemmProbe.create(product, threads));
  const milliseconds: number[] = [];
  const end = performance.now() + 1000 * seconds;
  // In turns, so that a change of the machine's speed meets both.
  while (milliseconds.length < FEWEST_ROUNDS || performance.now() < end) {
    milliseconds.push(await step());
    for (const probe of probes) await probe.run();
  }
  const sgemmGflops = Math.max(...probes.map(({ rate }) => rate));
  for (const probe of probes) await probe.release();
  await stepper.release();

  const { state } = model;
  const { operators, sessionSeconds } = await profile(
    bytes,
    threads,
    new Map([...state.parameters, ...model.batch(count)]),
    state.gradients,
  );
  operators.set('AdamW', updateTime(model));
  const millisecondsPerStep = median(milliseconds);
  const rate = (flops: number): number => flops / millisecondsPerStep / 1e6;
  const [gflops, executedGflops] = [rate(model.formulaFlops), rate(flopsOf(products))];
  return {
    preset: workload.preset,
    objectives: workload.objectives.join('+'),
    dropout: workload.dropout,
    threads,
    parameters: model.losses.specs.reduce((sum, { shape }) => sum + size(shape), 0),
    millisecondsPerStep,
    tokensPerSecond: (1000 * model.tokens) / millisecondsPerStep,
    gflops,
    sgemmGflops,
    efficiency: gflops / sgemmGflops,
    executedGflops,
    executedEfficiency: executedGflops / sgemmGflops,
    peakMemoryMB,
    nodes,
    graphSeconds,
    sessionSeconds,
    operators: shares(operators),
  };
}

/** The model that is both timed and profiled, and what its graph says: the graph itself is not kept, since it would count as memory of the step. */
function compile(
  { losses }: BenchmarkModel,
  threads: number,
): { bytes: Uint8Array; graphSeconds: number; products: Product[]; nodes: number } {
  const started = performance.now();
  const graph = compileGradients(losses, targetOf({ threads }));
  const bytes = serialise(graph, { muted: true });
  const graphSeconds = (performance.now() - started) / 1000;
  return { bytes, graphSeconds, products: productsOf(graph), nodes: topologicalOrder(graph.values()).length };
}

/** Plain products of the shapes that a step has, each once. */
function distinct(products: readonly Product[]): Product[] {
  return [...new Map(products.filter(({ batch }) => batch === 1).map((product) => [JSON.stringify(product), product])).values()];
}

function updateTime({ losses, state }: BenchmarkModel): number {
  const ranges = state.rangesOf(losses.specs.map(({ name }) => name));
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    state.update(ranges, 1, OPTIMISER, adamWSchedule(1, LEARNING_RATE, OPTIMISER));
    return performance.now() - start;
  });
  return median(times);
}

function shares(milliseconds: ReadonlyMap<string, number>): Record<string, number> {
  const total = [...milliseconds.values()].reduce((a, b) => a + b, 0);
  return Object.fromEntries([...milliseconds].sort((a, b) => b[1] - a[1]).map(([name, time]) => [name, time / total]));
}
