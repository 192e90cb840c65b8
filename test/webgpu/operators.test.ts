import { describe, expect, it } from 'vitest';
import { Constant, Input, input, Node, topologicalOrder, type Outputs } from '../../src/onnx/graph';
import { serialise } from '../../src/onnx/serialise';
import { objectives as registry } from '../../src/objectives';
import { trainingLosses } from '../../src/train/compile';
import { Session, targetOf } from '../../src/train/device';
import { compileStep } from '../../src/train/step';
import { create, tinyModel } from '../unit/objectives/fixtures';
import { optimiser } from '../unit/train/small-training';

const device = { provider: 'webgpu', onDevice: true } as const;

/**
 * What WebGPU's provider has no kernel for, so that it crosses to the CPU in the middle of a step: what the generator of `rtd` has drawn is numbered in 64
 * bits, and can be made narrower on the CPU alone.
 */
const CROSSING: Readonly<Record<string, readonly string[]>> = { rtd: ['Cast(int64)'] };

const typesOf = (node: Node): string => `${node.op}(${node.inputs.map(({ dtype }) => dtype).join(', ')})`;

/** A model of one node. */
function alone({ op, operator, inputs, attributes }: Node): Outputs {
  const operands = inputs.map((value, i) => (value.source instanceof Constant ? value : input(`x${i}`, value.dtype, value.shape)));
  const { outputs } = new Node(op, operator, operands, attributes, '', operator.infer(operands, attributes as never));
  return new Map(outputs.map((value, i) => [`y${i}`, value]));
}

const works = async (node: Node): Promise<boolean> => {
  try {
    await (await Session.create(serialise(alone(node)), device)).release();
    return true;
  } catch {
    return false;
  }
};

describe('operators of a step that WebGPU lacks', () => {
  const cases = [...registry.map(({ type }) => [type, false] as const), ['mlm', true] as const];

  it.each(cases)('%s, layers computed again: %s', async (type, recompute) => {
    const instance = create({ type, batchSize: 4, sequenceLength: 24 });
    const graph = compileStep({ ...trainingLosses(tinyModel, [instance], recompute), ...optimiser }, targetOf(device));
    // What is done with batches alone is done before they are uploaded.
    const inside = topologicalOrder(graph.values()).filter(({ inputs }) => !inputs.every(({ source }) => source instanceof Input));
    const kinds = new Map(inside.map((node) => [typesOf(node), node]));
    expect(kinds.size).toBeGreaterThan(30);
    const lacking: string[] = [];
    for (const [types, node] of kinds) if (!(await works(node))) lacking.push(types);
    expect(lacking).toEqual(CROSSING[type] ?? []);
  });
});
