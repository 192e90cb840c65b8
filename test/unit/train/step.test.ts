import { describe, expect, it } from 'vitest';
import oracle from '../../oracle/bert-mlm.json';
import { adamWSchedule } from '../../../src/onnx/adamw';
import { input, type Outputs, type Value } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import { serialise } from '../../../src/onnx/serialise';
import { allocate, size, tensor, type Tensor } from '../../../src/onnx/types';
import { encode } from '../../../src/model/encoder';
import { optimise, type Target } from '../../../src/onnx/optimise';
import { lmLogits, pool } from '../../../src/model/heads';
import { encoderParameters, lookUp, mlmHeadParameters, parameterInputs, type Parameters } from '../../../src/model/parameters';
import { noDropout } from '../../../src/model/random';
import { Session } from '../../../src/train/device';
import { compileStep, momentName, nextName } from '../../../src/train/step';

const config = {
  vocabularySize: oracle.config.vocab_size,
  layers: oracle.config.num_hidden_layers,
  hiddenSize: oracle.config.hidden_size,
  attentionHeads: oracle.config.num_attention_heads,
  intermediateSize: oracle.config.intermediate_size,
  maxPositions: oracle.config.max_position_embeddings,
  dropout: 0,
  attentionDropout: 0,
};
const specs = [...encoderParameters(config), ...mlmHeadParameters(config)];
const [batch, length] = [oracle.batches[0]!.inputIds.length, oracle.batches[0]!.inputIds[0]!.length];
const slots = oracle.batches[0]!.positions.length;
const [beta1, beta2] = oracle.optimizer.betas as [number, number];

const feedsOf = {
  inputIds: input('inputIds', 'int64', [batch, length]),
  attentionMask: input('attentionMask', 'float32', [batch, length]),
  tokenTypeIds: input('tokenTypeIds', 'int64', [batch, length]),
  positions: input('positions', 'int64', [slots]),
  labels: input('labels', 'int64', [slots]),
};

/** The hidden states at the positions to predict: picked from all, or asked for, by place in their own sequence, as the last layer wants them. */
const heads = {
  'all positions': (parameters: Parameters): Value => ops.gather(encode(config, parameters, feedsOf, noDropout), feedsOf.positions),
  'slots only': (parameters: Parameters): Value => {
    // PyTorch's positions are numbered over the whole batch and are not as many in every sequence: each sequence gets all, those of others wrapped.
    const each = ops.expand(ops.reshape(feedsOf.positions, [1, slots]), [batch, slots]);
    const states = encode(config, parameters, feedsOf, noDropout, { slots: ops.mod(each, length) });
    const own = ops.add(
      ops.mul(ops.div(feedsOf.positions, length), slots),
      ops.constant(tensor('int64', [slots], [...Array(slots).keys()])),
    );
    return ops.gather(states, own);
  },
};

interface Variant {
  readonly head: keyof typeof heads;
  readonly target: Target;
  readonly optimisation: 'disabled' | 'all';
}

const step = ({ head, target }: Variant): Outputs =>
  compileStep(
    {
      specs,
      gradientClip: oracle.optimizer.clipNorm,
      beta1,
      beta2,
      losses: (parameters) => {
        const logits = lmLogits(config, parameters, heads[head](parameters));
        return [{ name: 'mlm', weight: 1, loss: ops.reduceMean(ops.crossEntropy(logits, feedsOf.labels)) }];
      },
    },
    target,
  );

function decode(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Parameters as PyTorch started with them and zero moments, by input name. */
function initialState(): Map<string, Tensor> {
  const weights = oracle.initialWeights as unknown as Record<string, { shape: number[]; base64: string }>;
  return new Map(
    specs.flatMap(({ name, shape }): [string, Tensor][] => {
      expect(weights[name]?.shape, name).toEqual(shape);
      return [
        [name, { dtype: 'float32', shape, data: decode(weights[name]!.base64) }],
        [momentName('m', name), { dtype: 'float32', shape, data: allocate('float32', size(shape)) }],
        [momentName('v', name), { dtype: 'float32', shape, data: allocate('float32', size(shape)) }],
      ];
    }),
  );
}

async function train(variant: Variant): Promise<{ losses: number[]; norms: number[]; state: Map<string, Tensor> }> {
  const session = await Session.create(serialise(step(variant)), variant);
  const state = initialState();
  const into = new Map([...state].map(([name, value]) => [nextName(name), value]));
  const losses: number[] = [];
  const norms: number[] = [];
  for (const [i, recorded] of oracle.batches.entries()) {
    const schedule = adamWSchedule(i + 1, recorded.learningRate, {
      beta1,
      beta2,
      epsilon: oracle.optimizer.epsilon,
      weightDecay: oracle.optimizer.weightDecay,
    });
    const feeds = new Map<string, Tensor>([
      ...state,
      ...Object.entries(schedule).map(([name, value]): [string, Tensor] => [name, tensor('float32', [], [value])]),
      ['inputIds', tensor('int64', [batch, length], recorded.inputIds.flat())],
      ['attentionMask', tensor('float32', [batch, length], recorded.attentionMask.flat())],
      ['tokenTypeIds', tensor('int64', [batch, length], recorded.tokenTypeIds.flat())],
      ['positions', tensor('int64', [slots], recorded.positions)],
      ['labels', tensor('int64', [slots], recorded.labels)],
    ]);
    const outputs = await session.run(feeds, into);
    losses.push(Number(outputs.get('loss:mlm')!.data[0]));
    norms.push(Number(outputs.get('gradientNorm')!.data[0]));
  }
  await session.release();
  return { losses, norms, state };
}

it('gives the sentence embeddings that PyTorch gives, by mean pooling over unpadded tokens and by [CLS]', async () => {
  const parameters = lookUp(parameterInputs(specs));
  const hidden = encode(config, parameters, feedsOf, noDropout);
  const outputs = new Map<string, Value>([
    ['mean', pool(hidden, feedsOf.attentionMask, 'mean')],
    ['cls', pool(hidden, feedsOf.attentionMask, 'cls')],
  ]);
  const session = await Session.create(serialise(optimise(outputs)));
  const { inputIds, attentionMask, tokenTypeIds } = oracle.batches[0]!;
  const results = await session.run(
    new Map([
      ...initialState(),
      ['inputIds', tensor('int64', [batch, length], inputIds.flat())],
      ['attentionMask', tensor('float32', [batch, length], attentionMask.flat())],
      ['tokenTypeIds', tensor('int64', [batch, length], tokenTypeIds.flat())],
    ]),
  );
  await session.release();
  for (const [name, expected] of [
    ['mean', oracle.firstStep.meanPooled],
    ['cls', oracle.firstStep.cls],
  ] as const) {
    expect(results.get(name)!.shape).toEqual(expected.shape);
    expected.data.forEach((value, i) => expect(Number(results.get(name)!.data[i])).toBeCloseTo(value, 4));
  }
});

const relative = (actual: number, expected: number): number => Math.abs(actual - expected) / Math.abs(expected);

describe('a whole BERT training step', () => {
  const variants: Variant[] = (['all positions', 'slots only'] as const).flatMap((head) =>
    (['anywhere', 'cpu'] as const).flatMap((target) =>
      (['all', 'disabled'] as const).map((optimisation) => ({ head, target, optimisation })),
    ),
  );
  for (const variant of variants) {
    it(`follows PyTorch for ${oracle.losses.length} steps: ${Object.values(variant).join(', ')}`, async () => {
      const { losses, norms, state } = await train(variant);
      expect(losses.length).toBeGreaterThanOrEqual(20);
      losses.forEach((loss, i) => expect(relative(loss, oracle.losses[i]!), `loss of step ${i}`).toBeLessThan(1e-4));
      norms.forEach((norm, i) => expect(relative(norm, oracle.gradientNorms[i]!), `gradient norm of step ${i}`).toBeLessThan(1e-3));
      for (const [name, { l2 }] of Object.entries(oracle.finalWeights)) {
        const norm = Math.hypot(...(state.get(name)!.data as Float32Array));
        expect(Math.abs(norm - l2), `‖${name}‖ after training`).toBeLessThan(1e-3 * Math.max(1, l2));
      }
    });
  }
});
