import { describe, expect, it } from 'vitest';
import { input, type Outputs, type Value } from '../../../src/onnx/graph';
import { optimise } from '../../../src/onnx/optimise';
import { serialise } from '../../../src/onnx/serialise';
import { filled, tensor, type Tensor } from '../../../src/onnx/types';
import { keysValues, paddingBias, type Surroundings } from '../../../src/model/attention';
import { BERT, type ModelConfig } from '../../../src/model/config';
import { decode } from '../../../src/model/decoder';
import { encode } from '../../../src/model/encoder';
import { nextPosition, type LayerMemory } from '../../../src/model/incremental';
import { decoderParameters, encoderParameters, initialise, lookUp, parameterInputs } from '../../../src/model/parameters';
import { noDropout } from '../../../src/model/random';
import { Session } from '../../../src/train/device';

const config: ModelConfig = {
  vocabularySize: 20,
  layers: 2,
  hiddenSize: 8,
  attentionHeads: 2,
  intermediateSize: 16,
  maxPositions: 12,
  dropout: 0,
  attentionDropout: 0,
  // With all that a model from elsewhere may have besides, such as a bias for distances in its encoder.
  variant: { ...BERT, layerNormEpsilon: 1e-3, activation: 'gelu_new', relativeBuckets: 32 },
};
const [batch, length, read] = [3, 5, 4];
const specs = [...encoderParameters(config), ...decoderParameters(config, config.layers)];
const weights = new Map(
  specs.map((spec) => {
    const start = filled('float32', spec.shape, 0);
    initialise(start, spec, 1, 0.5);
    return [spec.name, start] as const;
  }),
);
const parameters = lookUp(parameterInputs(specs));
const ids = Array.from({ length: batch * length }, (_, i) => (7 * i + 3) % config.vocabularySize);
const context = tensor(
  'float32',
  [read * batch, config.hiddenSize],
  Array.from({ length: read * batch * config.hiddenSize }, (_, i) => Math.sin(i)),
);
const mask = tensor('float32', [batch, read], [1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0]);
const inputs = {
  ids: input('ids', 'int64', [batch, length]),
  context: input('context', 'float32', context.shape),
  mask: input('mask', 'float32', mask.shape),
};

async function run(outputs: Outputs, feeds: Record<string, Tensor>): Promise<Map<string, Tensor>> {
  const session = await Session.create(serialise(optimise(outputs, 'cpu')));
  const results = await session.run(new Map([...weights, ...Object.entries(feeds)]));
  await session.release();
  return results;
}

/** The states [B, H] of every position, one after another, each layer's keys and values being carried along. */
async function stepwise(prefix: string, crossed: boolean): Promise<number[][]> {
  const surroundings: Surroundings = { config, parameters, dropout: noDropout, batch };
  const shape = [batch, config.attentionHeads, length, config.hiddenSize / config.attentionHeads];
  const memories = Array.from({ length: config.layers }, (_, i): LayerMemory => ({
    own: { keys: input(`keys.${i}`, 'float32', shape), values: input(`values.${i}`, 'float32', shape) },
    crossed: crossed ? keysValues(surroundings, `${prefix}.encoder.layer.${i}.crossattention`, inputs.context) : undefined,
  }));
  const [id, position] = [input('id', 'int64', [batch, 1]), input('position', 'int64', [1])];
  const { states, memory } = nextPosition(
    surroundings,
    { prefix, layers: config.layers },
    id,
    position,
    memories,
    crossed ? paddingBias(inputs.mask) : undefined,
  );
  const outputs = new Map<string, Value>([
    ['states', states],
    ...memory.flatMap(({ keys, values }, i) => [[`next.keys.${i}`, keys] as const, [`next.values.${i}`, values] as const]),
  ]);
  // What is behind the position in hand must not matter: something that would be seen, not zeros.
  let carried: Record<string, Tensor> = Object.fromEntries(
    memories.flatMap((_, i) => [`keys.${i}`, `values.${i}`].map((name) => [name, filled('float32', shape, 9)])),
  );
  const found: number[][] = [];
  for (let place = 0; place < length; place++) {
    const results = await run(outputs, {
      context,
      mask,
      ...carried,
      id: tensor(
        'int64',
        [batch, 1],
        Array.from({ length: batch }, (_, row) => ids[row * length + place]!),
      ),
      position: tensor('int64', [1], [place]),
    });
    found.push(Array.from(results.get('states')!.data as Float32Array));
    carried = Object.fromEntries(Object.keys(carried).map((name) => [name, results.get(`next.${name}`)!]));
  }
  return found;
}

describe.each([
  [
    'the decoder',
    'decoder.bert',
    true,
    () => decode(config, config.layers, parameters, inputs.ids, { rows: inputs.context, mask: inputs.mask }, noDropout),
  ],
  ['the causal encoder', 'bert', false, () => encode(config, parameters, { inputIds: inputs.ids }, noDropout, { causal: true })],
] as const)('the key/value cache of %s', (_, prefix, crossed, whole) => {
  it('gives at every position what the whole sequence gives there', async () => {
    const { data } = (await run(new Map([['states', whole()]]), { ids: tensor('int64', [batch, length], ids), context, mask })).get(
      'states',
    )!;
    const width = config.hiddenSize;
    const steps = await stepwise(prefix, crossed);
    steps.forEach((states, place) => {
      for (let row = 0; row < batch; row++) {
        const expected = Array.from((data as Float32Array).subarray((row * length + place) * width, (row * length + place + 1) * width));
        states.slice(row * width, (row + 1) * width).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
      }
    });
  });
});
