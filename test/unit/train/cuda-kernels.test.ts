import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type GraphProto } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { BERT, type ModelConfig } from '../../../src/model/config';
import { objectives as registry } from '../../../src/objectives';
import { topologicalOrder, type Outputs } from '../../../src/onnx/graph';
import { serialiseScan } from '../../../src/onnx/scan';
import type { Precision } from '../../../src/shared/types';
import { trainingLosses } from '../../../src/train/compile';
import { compileStep, nextName } from '../../../src/train/step';
import { create, tinyModel } from '../objectives/fixtures';
import { cudaKernels } from './cuda-kernels';
import { optimiser, type Objective } from './small-training';

const small = (type: string, options: object = {}): Objective => ({ type, batchSize: 4, sequenceLength: 24, ...options });
const table = (from: string, columns: object): object => ({ positives: { from, file: 'texts.csv', ...columns } });

const CASES: [string, readonly Objective[], Partial<ModelConfig>?][] = [
  ...registry.map(({ type }): [string, Objective[]] => [type, [small(type)]]),
  ['a queue of negatives', [small('contrastive', { queue: 16 })]],
  [
    'other positives, a projection, a learned temperature',
    [small('contrastive', { positives: 'adjacent', projection: 'mlp', learnTemperature: true, pooling: 'cls' })],
  ],
  ['dot products of a linear projection', [small('contrastive', { projection: 'linear', similarity: 'dot' })]],
  ['scored pairs, Matryoshka', [small('contrastive', { ...table('scored', { a: 'a', b: 'b', score: 'score' }), matryoshka: [4] })]],
  ['triplets', [small('contrastive', table('triplets', { anchor: 'a', positive: 'b', negative: 'c' }))]],
  ['a sum whose weights move', [small('mlm', { weight: { from: 1, to: 0.2 } }), small('contrastive', { weight: 0.5 })]],
  ['all that share an encoder', ['mlm', 'contrastive', 'nsp', 'rtd'].map((type) => small(type))],
  ['MPNet', [small('mlm')], { variant: { ...BERT, relativeBuckets: 32, tied: false } }],
  ['ReLU', [small('mlm')], { variant: { ...BERT, activation: 'relu' } }],
  ['GELU by tanh', [small('mlm')], { variant: { ...BERT, activation: 'gelu_new' } }],
];

/** What CUDA's steps are made of, see `scanStepper`. */
function stepOf(
  objectives: readonly Objective[],
  precision: Precision,
  recompute: boolean,
  variant: Partial<ModelConfig> = {},
): { graph: Outputs; operators: string[] } {
  const config = { ...tinyModel, ...variant };
  const types = objectives.map(({ type }) => type);
  const losses = trainingLosses(
    config,
    objectives.map((options) => create(options, { config, types })),
    recompute,
  );
  const graph = compileStep({ ...losses, ...optimiser }, 'anywhere', precision);
  const state = new Map(
    [...graph.keys()].filter((name) => name.startsWith(nextName(''))).map((name) => [name.slice(nextName('').length), name]),
  );
  const model = fromBinary(ModelProtoSchema, serialiseScan(graph, { state, muted: true }));
  return { graph, operators: operatorsOf(model.graph!) };
}

/** The operators of a graph and of all graphs inside of it. */
const operatorsOf = ({ node }: GraphProto): string[] =>
  node.flatMap(({ opType, attribute }) => [opType, ...attribute.flatMap(({ g }) => (g ? operatorsOf(g) : []))]);

/** What of a graph has no kernel, each with its types. */
const without = (graph: Outputs): string[] =>
  topologicalOrder(graph.values()).flatMap(({ op, inputs, outputs }) => {
    const kernel = cudaKernels[op];
    const takes = (types: typeof inputs, known: readonly (readonly string[])[] = []): boolean =>
      types.every(({ dtype }, i) => known[Math.min(i, known.length - 1)]?.includes(dtype));
    const fits = takes(inputs, kernel?.inputs) && takes(outputs, kernel?.outputs);
    return fits ? [] : [`${op}(${inputs.map(({ dtype }) => dtype).join(', ')}) → ${outputs.map(({ dtype }) => dtype).join(', ')}`];
  });

describe("a training step's operators on CUDA", () => {
  const emitted = new Set<string>();

  it.each(CASES)('all have kernels for their types: %s', (_, objectives, variant) => {
    for (const precision of ['fp32', 'bf16'] as const) {
      const sizes = [false, true].map((recompute) => {
        const { graph, operators } = stepOf(objectives, precision, recompute, variant);
        expect(without(graph), `${precision}, recompute ${recompute}`).toEqual([]);
        expect(operators.filter((operator) => !(operator in cudaKernels))).toEqual([]);
        for (const operator of operators) emitted.add(operator);
        return operators.length;
      });
      expect(sizes[1], 'layers are computed again').toBeGreaterThan(sizes[0]!);
    }
  });

  it('are all that the table of kernels has', () => {
    expect(Object.keys(cudaKernels)).toEqual([...emitted].sort());
  });
});
