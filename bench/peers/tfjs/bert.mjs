// The training step by hand in TensorFlow.js, whatever its backend: `tf` is the library that the caller has loaded.
import { readWorkload, slotRows } from '../protocol.mjs';

/** Gives a function that does one step and returns the loss before the update. */
export function createStep(tf, folder) {
  const { config, optimiser, shape, parameters, batches } = readWorkload(folder);
  const state = parameters.map(({ name, shape: dimensions, data }) => {
    const zeros = () => tf.variable(tf.zeros(dimensions), false);
    return { name, decays: dimensions.length > 1, value: tf.variable(tf.tensor(data, dimensions), true, name), m: zeros(), v: zeros() };
  });
  const values = new Map(state.map(({ name, value }) => [name, value]));
  const p = (name) => values.get(name);
  const { times, rowsOf } = operations(tf);

  const linear = (x, name) => tf.add(times(x, p(`${name}.weight`)), p(`${name}.bias`));
  const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  const layerNorm = (x, name) => {
    const { mean, variance } = tf.moments(x, -1, true);
    const normed = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, config.layer_norm_eps)));
    return tf.add(tf.mul(normed, p(`${name}.weight`)), p(`${name}.bias`));
  };

  const { batch: B, length: T } = shape;
  const [N, D] = [config.num_attention_heads, config.hidden_size / config.num_attention_heads];
  const heads = (x) => tf.reshape(tf.transpose(tf.reshape(x, [B, T, N, D]), [0, 2, 1, 3]), [B * N, T, D]);
  const attention = (x, name) => {
    const [q, k, v] = ['query', 'key', 'value'].map((part) => heads(linear(x, `${name}.self.${part}`)));
    const probabilities = tf.softmax(tf.mul(times(q, k), 1 / Math.sqrt(D)));
    const mixed = times(probabilities, tf.transpose(v, [0, 2, 1]));
    return linear(tf.reshape(tf.transpose(tf.reshape(mixed, [B, N, T, D]), [0, 2, 1, 3]), [B * T, N * D]), `${name}.output.dense`);
  };

  const lossOf = ({ inputIds, rows, targets }) => {
    const table = (name) => p(`bert.embeddings.${name}_embeddings.weight`);
    const words = tf.reshape(rowsOf(table('word'), inputIds), [B, T, N * D]);
    const rest = tf.add(tf.slice(table('position'), 0, T), tf.slice(table('token_type'), 0, 1));
    let x = layerNorm(tf.reshape(tf.add(words, rest), [B * T, N * D]), 'bert.embeddings.LayerNorm');
    for (let i = 0; i < config.num_hidden_layers; i++) {
      const name = `bert.encoder.layer.${i}`;
      const normed = layerNorm(tf.add(attention(x, `${name}.attention`), x), `${name}.attention.output.LayerNorm`);
      const expanded = gelu(linear(normed, `${name}.intermediate.dense`));
      x = layerNorm(tf.add(linear(expanded, `${name}.output.dense`), normed), `${name}.output.LayerNorm`);
    }
    const head = 'cls.predictions';
    const transformed = layerNorm(gelu(linear(rowsOf(x, rows), `${head}.transform.dense`)), `${head}.transform.LayerNorm`);
    return tf.losses.softmaxCrossEntropy(targets, tf.add(times(transformed, table('word')), p(`${head}.bias`)));
  };

  const update = (grads, t) => {
    const { learningRate, beta1, beta2, epsilon, weightDecay, gradientClip } = optimiser;
    const norm = tf.sqrt(tf.addN(state.map(({ name }) => tf.sum(tf.square(grads[name])))));
    const clip = tf.minimum(tf.div(gradientClip, tf.add(norm, 1e-6)), 1);
    const [correction1, correction2] = [1 - beta1 ** t, Math.sqrt(1 - beta2 ** t)];
    for (const { name, decays, value, m, v } of state) {
      const gradient = tf.mul(grads[name], clip);
      m.assign(tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1)));
      v.assign(tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
      const change = tf.div(m, tf.add(tf.sqrt(v), epsilon * correction2));
      const kept = decays ? tf.mul(value, 1 - learningRate * weightDecay) : value;
      value.assign(tf.sub(kept, tf.mul(change, (learningRate * correction2) / correction1)));
    }
  };

  const inputs = batches.map((each) => ({
    inputIds: tf.tensor1d(each.inputIds, 'int32'),
    rows: tf.tensor1d(slotRows(each, shape), 'int32'),
    targets: tf.cast(tf.oneHot(tf.tensor1d(each.labels, 'int32'), config.vocab_size), 'float32'),
  }));
  let t = 0;
  return () =>
    tf.tidy(() => {
      const batch = inputs[t % inputs.length];
      const { value, grads } = tf.variableGrads(() => lossOf(batch));
      update(grads, ++t);
      return value.dataSync()[0];
    });
}

/** Two operations with gradients of their own: the library's lack a WebAssembly kernel, or are slow there. */
function operations(tf) {
  // A product is many times faster with its operand transposed beforehand than by the product itself.
  const turned = (x) => tf.transpose(x, x.rank === 2 ? [1, 0] : [0, 2, 1]);
  return {
    /** a·bᵀ, batched or not. */
    times: tf.customGrad((a, b, save) => {
      save([a, b]);
      return { value: tf.matMul(a, turned(b)), gradFunc: (dy, [x, y]) => [tf.matMul(dy, y), tf.matMul(turned(dy), x)] };
    }),
    /** Rows of a matrix. The gradient of `tf.gather` needs UnsortedSegmentSum, which has no WebAssembly kernel. */
    rowsOf: (matrix, indices) =>
      tf.customGrad((x) => ({
        value: tf.gather(x, indices),
        gradFunc: (dy) => tf.scatterND(tf.expandDims(indices, 1), dy, x.shape),
      }))(matrix),
  };
}
