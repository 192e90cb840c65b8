// The training step by hand in jax-js. Its arrays are counted by reference: a function consumes its arguments, and `.ref` keeps one for later use.
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { readFileSync } from 'node:fs';
import { readWorkload, serve, slotRows } from '../protocol.mjs';

await init('wasm');
defaultDevice('wasm');
const { config, optimiser, shape, parameters, batches } = readWorkload(process.argv[2]);
const { batch: B, length: T } = shape;
const { num_attention_heads: N, hidden_size: H } = config;
const D = H / N;

const matrices = new Set(parameters.filter((p) => p.shape.length > 1).map(({ name }) => name));
const arrays = (numbers) => Object.fromEntries(parameters.map((p) => [p.name, np.array(numbers(p)).reshape(p.shape)]));

/**
 * Rows of a matrix. The gradient is a scatter, which jit refuses when its input is a view of another array ("input is not imm"), as it is here: two
 * negations make it an array of its own.
 */
const rowsOf = (matrix, indices) => np.take(matrix, indices, 0).neg().neg();

function lossOf(weights, { inputIds, rows, targets }) {
  const p = (name) => weights[name].ref;
  const linear = (x, name) => np.matmul(x, p(`${name}.weight`).transpose()).add(p(`${name}.bias`));
  const gelu = (x) => nn.gelu(x, { approximate: false });
  const layerNorm = (x, name) => {
    const centred = x.ref.sub(x.mean(-1, { keepdims: true }));
    const variance = np.square(centred.ref).mean(-1, { keepdims: true });
    return centred
      .div(np.sqrt(variance.add(config.layer_norm_eps)))
      .mul(p(`${name}.weight`))
      .add(p(`${name}.bias`));
  };
  const heads = (x) => x.reshape([B, T, N, D]).transpose([0, 2, 1, 3]);
  const attention = (x, name) => {
    const [q, k, v] = ['query', 'key', 'value'].map((part) => heads(linear(x.ref, `${name}.self.${part}`)));
    x.dispose();
    const probabilities = nn.softmax(np.matmul(q, k.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(D)), -1);
    return linear(
      np
        .matmul(probabilities, v)
        .transpose([0, 2, 1, 3])
        .reshape([B * T, H]),
      `${name}.output.dense`,
    );
  };

  const table = (name) => p(`bert.embeddings.${name}_embeddings.weight`);
  const rest = table('position')
    .slice([0, T])
    .add(table('token_type').slice([0, 1]));
  const words = rowsOf(table('word'), inputIds).reshape([B, T, H]);
  let x = layerNorm(words.add(rest).reshape([B * T, H]), 'bert.embeddings.LayerNorm');
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const name = `bert.encoder.layer.${i}`;
    const normed = layerNorm(attention(x.ref, `${name}.attention`).add(x), `${name}.attention.output.LayerNorm`);
    const expanded = gelu(linear(normed.ref, `${name}.intermediate.dense`));
    x = layerNorm(linear(expanded, `${name}.output.dense`).add(normed), `${name}.output.LayerNorm`);
  }
  const head = 'cls.predictions';
  const transformed = layerNorm(gelu(linear(rowsOf(x, rows), `${head}.transform.dense`)), `${head}.transform.LayerNorm`);
  const logits = np.matmul(transformed, table('word').transpose()).add(p(`${head}.bias`));
  tree.dispose(weights);
  return nn.logSoftmax(logits, -1).mul(targets).sum(-1).mean().neg();
}

const { beta1, beta2, epsilon, weightDecay, gradientClip, learningRate } = optimiser;
/** A step as one compiled function; the bias corrections [1 − β₁ᵗ, √(1 − β₂ᵗ)] are arguments, since they change. */
const step = jit(({ weights, m, v }, batch, correction1, correction2) => {
  const [loss, grads] = valueAndGrad(lossOf)(tree.ref(weights), batch);
  const squares = Object.values(grads).map((gradient) => np.square(gradient.ref).sum());
  const clip = np.minimum(np.reciprocal(np.sqrt(squares.reduce((a, b) => a.add(b))).add(1e-6)).mul(gradientClip), 1);
  const next = { weights: {}, m: {}, v: {} };
  for (const [name, raw] of Object.entries(grads)) {
    const gradient = raw.mul(clip.ref);
    next.m[name] = m[name].mul(beta1).add(gradient.ref.mul(1 - beta1));
    next.v[name] = v[name].mul(beta2).add(np.square(gradient).mul(1 - beta2));
    const root = np.sqrt(next.v[name].ref).div(correction2.ref).add(epsilon);
    const change = next.m[name].ref.div(correction1.ref).div(root).mul(learningRate);
    const kept = matrices.has(name) ? weights[name].mul(1 - learningRate * weightDecay) : weights[name];
    next.weights[name] = kept.sub(change);
  }
  tree.dispose([clip, correction1, correction2]);
  return { loss, next };
});

const zeros = () => arrays(({ data }) => new Float32Array(data.length));
let state = { weights: arrays(({ data }) => data), m: zeros(), v: zeros() };
const integers = (numbers) => np.array(Int32Array.from(numbers));
const inputs = batches.map((each) => ({
  inputIds: integers(each.inputIds),
  rows: integers(slotRows(each, shape)),
  targets: nn.oneHot(integers(each.labels), config.vocab_size),
}));

const { version } = JSON.parse(readFileSync(new URL('node_modules/@jax-js/jax/package.json', import.meta.url), 'utf8'));
let t = 0;
await serve({ name: 'jax-js', versions: { 'jax-js': version }, threads: 1 }, async () => {
  const batch = tree.ref(inputs[t % inputs.length]);
  t++;
  const { loss, next } = step(state, batch, np.array(1 - beta1 ** t), np.array(Math.sqrt(1 - beta2 ** t)));
  state = next;
  const [value] = await loss.data();
  return value;
});
