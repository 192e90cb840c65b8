import { productOf, flopsOf } from '../onnx/flops';
import { topologicalOrder } from '../onnx/graph';
import { print } from '../onnx/print';
import { serialise } from '../onnx/serialise';
import type { BarsView } from '../shared/views';
import { trainingLosses } from '../train/compile';
import type { LoadedExperiment } from '../train/experiment';
import { setUp } from '../train/setup';
import { compileStep } from '../train/step';
import type { StepGraph } from './api';
import { shownAs } from './display';

/** Parts that a picture of a step has at most. */
const MOST_PARTS = 24;

/** The training step of an experiment as a graph: forward, backward and update. */
export async function graphOf(loaded: LoadedExperiment, signal?: AbortSignal): Promise<StepGraph> {
  const { corpus, config, plan, experiment } = await setUp(loaded, () => undefined, signal);
  corpus.dataset.close();
  const outputs = compileStep(
    { ...trainingLosses(config, plan.sets[0]!), ...experiment.training },
    'anywhere',
    experiment.training.precision,
  );
  const nodes = topologicalOrder(outputs.values());
  const flops = nodes.reduce((sum, node) => sum + costOf(node), 0);
  const graph: StepGraph = {
    outputs,
    nodes: nodes.length,
    flops,
    operators: countBy(nodes.map(({ op }) => op)),
    print: () => print(outputs),
    onnx: () => serialise(outputs),
  };
  return shownAs(graph, () => partsView(nodes, flops));
}

type Nodes = ReturnType<typeof topologicalOrder>;

const costOf = (node: Nodes[number]): number => {
  const product = productOf(node);
  return product ? flopsOf([product]) : 0;
};

/** What each part of the model costs, there and back. */
function partsView(nodes: Nodes, flops: number): BarsView {
  const costs = new Map<string, number>();
  for (const node of nodes) {
    const cost = costOf(node);
    const back = /(^|\/)grad(\/|$)/.test(node.scope);
    const part = node.scope.replace(/\/?(grad|dropout)(?=\/|$)/g, '').replace(/^\//, '') || 'other';
    if (cost > 0) costs.set(`${part}${back ? ' ←' : ''}`, (costs.get(`${part}${back ? ' ←' : ''}`) ?? 0) + cost);
  }
  const bars = [...costs].slice(0, MOST_PARTS).map(([label, value]) => ({ label, value, shown: `${(value / 1e6).toFixed(1)} MFLOP` }));
  return {
    kind: 'bars',
    title: `${nodes.length} nodes, ${(flops / 1e9).toFixed(2)} GFLOP in matrix products a step; ← is the way back`,
    bars,
  };
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
}
