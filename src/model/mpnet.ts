import type { Tensor } from '../onnx/types';

/** Rows of MPNet's position embeddings before that of the first position, which nothing reads. */
const OFFSET = 2;

const NAMES: readonly (readonly [ours: RegExp, theirs: string])[] = [
  [/\.attention\.self\.(q|k|v)\w+\./, '.attention.attn.$1.'],
  [/\.attention\.output\.dense\./, '.attention.attn.o.'],
  [/\.attention\.output\.LayerNorm\./, '.attention.LayerNorm.'],
  [/^bert\./, 'mpnet.'],
  [/^cls\.predictions\.transform\.dense\./, 'lm_head.dense.'],
  [/^cls\.predictions\.transform\.LayerNorm\./, 'lm_head.layer_norm.'],
  [/^cls\.predictions\./, 'lm_head.'],
];

/** MPNet's name of one of our parameters: the way back from `families.ts`. */
const theirName = (ours: string): string => NAMES.reduce((name, [pattern, theirs]) => name.replace(pattern, theirs), ours);

/** `config.json` of an MPNet (Song et al., 2020, arXiv 2004.09297), from that of the BERT with its attention bias. */
export function mpnetConfig({
  type_vocab_size: _,
  position_embedding_type: __,
  ...bert
}: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    ...bert,
    model_type: 'mpnet',
    max_position_embeddings: (bert.max_position_embeddings as number) + OFFSET,
    relative_attention_num_buckets: 32,
  };
}

/** The tensors of such a BERT as MPNet has them. It has no token types: what the first adds to every token, its positions add. */
export function mpnetTensors(tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const [types, places] = ['token_type', 'position'].map((name) => `bert.embeddings.${name}_embeddings.weight`) as [string, string];
  const { shape, data } = tensors.get(places)!;
  const [rows, width] = shape as [number, number];
  const first = tensors.get(types)!.data as Float32Array;
  const moved = new Float32Array((rows + OFFSET) * width);
  (data as Float32Array).forEach((x, i) => (moved[OFFSET * width + i] = x + first[i % width]!));
  const named = [...tensors].filter(([name]) => name !== types).map(([name, each]): [string, Tensor] => [theirName(name), each]);
  return new Map(named).set(theirName(places), { dtype: 'float32', shape: [rows + OFFSET, width], data: moved });
}
