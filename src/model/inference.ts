import { OpenGraph, type OpenType } from '../onnx/open-shapes';
import type { Tensor } from '../onnx/types';
import { UNSEEN } from './attention';
import { variantOf, type ModelConfig } from './config';
import { LM_DECODER, LM_HEAD, WORD_EMBEDDINGS } from './parameters';

const IDS: OpenType = { dtype: 'int64', shape: ['batch', 'sequence'] };

/**
 * BERT's encoder as an ONNX model for texts of any number and length, with the inputs and outputs that Hugging Face's exporters give it: int64
 * `input_ids`, `attention_mask`, `token_type_ids` [batch, sequence] → float32 `last_hidden_state` [batch, sequence, hidden size], and with a language-model
 * head also `logits` [batch, sequence, vocabulary size].
 *
 * @param parameters under our names, those of the head among them if `predicts`
 */
export function inferenceModel(config: ModelConfig, parameters: ReadonlyMap<string, Tensor>, predicts: boolean): Uint8Array {
  const { layers, hiddenSize: width, attentionHeads: heads, vocabularySize } = config;
  const { layerNormEpsilon, activation, tied } = variantOf(config);
  const graph = new OpenGraph();
  const parameter = (name: string): string => graph.constant(name, parameters.get(name)!);
  const add = (place: string, a: string, b: string): string => graph.node(place, 'Add', [a, b]);
  const linear = (place: string, x: string, name: string): string => {
    const weight = graph.constant(`${name}.weight (transposed)`, transposed(parameters.get(`${name}.weight`)!));
    return add(place, graph.node(place, 'MatMul', [x, weight]), parameter(`${name}.bias`));
  };
  const activate = (place: string, x: string): string =>
    activation === 'relu'
      ? graph.node(place, 'Relu', [x])
      : graph.node(place, 'Gelu', [x], activation === 'gelu_new' ? { approximate: 'tanh' } : {});
  const layerNorm = (place: string, x: string, name: string): string =>
    graph.node(place, 'LayerNormalization', [x, parameter(`${name}.weight`), parameter(`${name}.bias`)], {
      axis: -1,
      epsilon: layerNormEpsilon,
    });

  const embed = (): string => {
    const place = 'embeddings';
    const words = graph.node(place, 'Gather', [parameter(`${WORD_EMBEDDINGS}.weight`), 'input_ids']);
    const types = graph.node(place, 'Gather', [parameter('bert.embeddings.token_type_embeddings.weight'), 'token_type_ids']);
    const length = graph.node(place, 'Slice', [graph.node(place, 'Shape', ['input_ids']), graph.integers(1), graph.integers(2)]);
    const places = graph.node(place, 'Slice', [
      parameter('bert.embeddings.position_embeddings.weight'),
      graph.integers(0),
      length,
      graph.integers(0),
    ]);
    return layerNorm(place, add(place, add(place, words, types), places), 'bert.embeddings.LayerNorm');
  };
  /** [batch, 1, 1, sequence] */
  const paddingBias = (): string => {
    const place = 'padding';
    const mask = graph.node(place, 'Cast', [graph.node(place, 'Unsqueeze', ['attention_mask', graph.integers(1, 2)])], { to: 'float32' });
    return graph.node(place, 'Mul', [graph.node(place, 'Sub', [graph.float(1), mask]), graph.float(UNSEEN)]);
  };
  const attention = (place: string, x: string, name: string, bias: string): string => {
    const split = (part: string, order: number[]): string => {
      const whole = linear(place, x, `${name}.self.${part}`);
      return graph.node(place, 'Transpose', [graph.node(place, 'Reshape', [whole, graph.integers(0, 0, heads, width / heads)])], {
        perm: order,
      });
    };
    const scores = graph.node(place, 'MatMul', [split('query', [0, 2, 1, 3]), split('key', [0, 2, 3, 1])]);
    const scaled = graph.node(place, 'Mul', [scores, graph.float(1 / Math.sqrt(width / heads))]);
    const probabilities = graph.node(place, 'Softmax', [add(place, scaled, bias)], { axis: -1 });
    const mixed = graph.node(place, 'MatMul', [probabilities, split('value', [0, 2, 1, 3])]);
    const joined = graph.node(place, 'Reshape', [
      graph.node(place, 'Transpose', [mixed], { perm: [0, 2, 1, 3] }),
      graph.integers(0, 0, width),
    ]);
    return layerNorm(place, add(place, linear(place, joined, `${name}.output.dense`), x), `${name}.output.LayerNorm`);
  };

  let states = embed();
  const bias = paddingBias();
  for (let i = 0; i < layers; i++) {
    const [place, name] = [`layer.${i}`, `bert.encoder.layer.${i}`];
    const attended = attention(`${place}/attention`, states, `${name}.attention`, bias);
    const expanded = activate(place, linear(place, attended, `${name}.intermediate.dense`));
    states = layerNorm(place, add(place, linear(place, expanded, `${name}.output.dense`), attended), `${name}.output.LayerNorm`);
  }
  const outputs: Record<string, OpenType & { value: string }> = {};
  if (predicts) {
    const place = 'head';
    const transformed = activate(place, linear(place, states, `${LM_HEAD}.transform.dense`));
    const normal = layerNorm(place, transformed, `${LM_HEAD}.transform.LayerNorm`);
    const words = graph.node(place, 'Transpose', [parameter(`${tied ? WORD_EMBEDDINGS : LM_DECODER}.weight`)], { perm: [1, 0] });
    const logits = add(place, graph.node(place, 'MatMul', [normal, words]), parameter(`${LM_HEAD}.bias`));
    outputs.logits = { dtype: 'float32', shape: ['batch', 'sequence', vocabularySize], value: logits };
  }
  outputs.last_hidden_state = { dtype: 'float32', shape: ['batch', 'sequence', width], value: states };
  return graph.finish('bert', { input_ids: IDS, attention_mask: IDS, token_type_ids: IDS }, outputs);
}

/** A matrix [out, in] as [in, out]. */
function transposed({ dtype, shape, data }: Tensor): Tensor {
  const [rows, columns] = shape as [number, number];
  const turned = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = Number(data[i * columns + j]);
  return { dtype, shape: [columns, rows], data: turned };
}
