import { UserError } from '../shared/errors';
import { scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { linear } from '../model/attention';
import { encode } from '../model/encoder';
import { lmLogits, pool } from '../model/heads';
import { linearParameters, mlmHeadParameters, type ParameterSpec } from '../model/parameters';
import { noDropout, sampleTokens } from '../model/random';
import { hash32 } from '../shared/random';
import type { Split } from '../text/dataset';
import { HIGHEST_SCALE, lossOf, Options } from './contrastive-options';
import { requireExamples } from './demands';
import type { Batch, Instance, Loss, LossContext, Objective, ObjectiveContext } from './objective';
import { hiddenCount } from './masking';
import {
  alignmentAndUniformity,
  cosent,
  infoNce,
  ntXent,
  orderedShare,
  retrievalAmongCandidates,
  retrievalAmongViews,
  type SimilarityOptions,
} from './similarity-losses';
import { comparedTexts } from './show-compared';
import { drawViews, exampleName, examplesOf, viewCount, type Positives } from './views';

/**
 * Contrastive learning of sentence embeddings. Examples are texts with one or two others; all are encoded alike, pooled, and compared. With dropout as
 * the only augmentation (SimCSE) held-out loss is measured with fixed masks, for without dropout the two views would be one.
 */
export const contrastive = {
  type: 'contrastive',
  title: 'Contrastive learning',
  description: 'Pulls texts that belong together towards each other and pushes others away.',
  needs: 'Sentences; for some kinds of positives a file of pairs, triplets or scored pairs.',
  goodFor: 'Sentence embeddings: similarity, retrieval, clustering, classification of frozen features.',
  papers: [
    'Chen et al., 2020. A Simple Framework for Contrastive Learning of Visual Representations (SimCLR). arXiv 2002.05709',
    'Gao et al., 2021. SimCSE: Simple Contrastive Learning of Sentence Embeddings. arXiv 2104.08821',
    'van den Oord et al., 2018. Representation Learning with Contrastive Predictive Coding (InfoNCE). arXiv 1807.03748',
    'He et al., 2020. Momentum Contrast (MoCo). arXiv 1911.05722; Wang et al., 2020. Cross-Batch Memory. arXiv 1912.06798',
    'Gao et al., 2021. Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup (GradCache). arXiv 2101.06983',
    'Kusupati et al., 2022. Matryoshka Representation Learning. arXiv 2205.13147',
    'Wang & Isola, 2020. Understanding Contrastive Representation Learning through Alignment and Uniformity. arXiv 2005.10242',
  ],
  metrics: {
    retrieval:
      'Share of the texts whose most similar other text of the batch is the one that belongs to it; chance is 1 in as many as there are.',
    alignment: 'Mean squared distance of texts that belong together; lower is better.',
    uniformity: 'How evenly the embeddings fill the sphere; lower is better.',
    order: 'For scored pairs: share of the pairs of pairs that come in the order of their scores.',
  },
  options: Options,
  table: ({ positives }) => {
    if (typeof positives === 'string') return undefined;
    switch (positives.from) {
      case 'pairs':
        return { file: positives.file, texts: { a: positives.a, b: positives.b } };
      case 'triplets':
        return { file: positives.file, texts: { a: positives.anchor, b: positives.positive, c: positives.negative } };
      case 'scored':
        return { file: positives.file, texts: { a: positives.a, b: positives.b }, score: positives.score };
      default:
        return undefined;
    }
  },
  create: createContrastive,
} satisfies Objective<Options>;

const QUEUE = 'queue';
const LOGIT_SCALE = 'contrastive.logit_scale';
const PROJECTION = 'contrastive.projection';
function createContrastive(options: Options, context: ObjectiveContext): Instance {
  const { batchSize: batch, sequenceLength: length, pooling, matryoshka, gradientCache } = options;
  const { config, vocabulary, seed } = context;
  const positives: Positives = typeof options.positives === 'string' ? { from: options.positives } : options.positives;
  const views = viewCount(positives);
  const kind = lossOf(options);
  const synonyms = positives.from === 'augment' ? hiddenCount(length, positives.synonyms) : 0;
  const replaced = positives.from === 'augment' && positives.synonyms > 0 ? synonyms : 0;
  const width = config.hiddenSize;
  if (matryoshka.some((size) => size >= width)) {
    throw new UserError(
      `"matryoshka" names a length of ${Math.max(...matryoshka)}, and embeddings have ${width} numbers.`,
      `Use lengths below ${width}; the whole embedding is trained in any case.`,
      'experiment',
    );
  }

  if (replaced > 0 && !context.types.includes('mlm')) {
    throw new UserError(
      '"synonyms" are drawn from the model\'s own masked predictions, and nothing trains it to make them.',
      'Add the objective "mlm", or leave "synonyms" out.',
      'experiment',
    );
  }

  const feedsFor = (rows: number): Instance['feeds'] => ({
    inputIds: { dtype: 'int64', shape: [rows, length] },
    attentionMask: { dtype: 'float32', shape: [rows, length] },
    ...(replaced > 0 && { slots: { dtype: 'int64', shape: [rows, replaced] }, replaces: { dtype: 'bool', shape: [rows, replaced] } }),
    ...(kind === 'cosent' && { scores: { dtype: 'float32', shape: [rows / views] } }),
  });
  const feeds = feedsFor(views * batch);

  const build = (split: Split, first: number, order: (epoch: number) => number, key: number): Batch => {
    const drawn = drawViews(split, positives, { batch, length, first, order, key, vocabulary, replaced });
    return {
      inputIds: tensor('int64', feeds.inputIds!.shape, drawn.inputIds),
      attentionMask: tensor('float32', feeds.attentionMask!.shape, drawn.attentionMask),
      ...(replaced > 0 && {
        slots: tensor('int64', feeds.slots!.shape, drawn.slots),
        replaces: tensor('bool', feeds.replaces!.shape, drawn.replaces),
      }),
      ...(kind === 'cosent' && { scores: tensor('float32', [batch], drawn.scores) }),
    };
  };

  /** Pooled embeddings [rows, H] of all texts of a batch or of a chunk. */
  const embed = (given: LossContext, inputIds = textsOf(given)): Value => {
    const { parameters, batch: feed, dropout } = given;
    const attentionMask = feed('attentionMask');
    const hidden = encode(config, parameters, { inputIds, attentionMask }, dropout, { site: 'contrastive/' });
    return pool(hidden, attentionMask, pooling);
  };

  const textsOf = (given: LossContext): Value => (replaced > 0 ? withSynonyms(given) : given.batch('inputIds'));

  /** Some tokens replaced by what the model's masked predictions would put there. */
  const withSynonyms = ({ parameters, batch: feed, key }: LossContext): Value =>
    scope('synonyms', () => {
      const [inputIds, slots, replaces] = [feed('inputIds'), feed('slots'), feed('replaces')];
      const masked = ops.where(replaces, ops.like(slots, vocabulary.special.mask!), ops.gatherElements(inputIds, slots, 1));
      const hiddenIds = ops.scatterElements(inputIds, slots, masked, 1, 'none');
      const states = encode(config, parameters, { inputIds: hiddenIds, attentionMask: feed('attentionMask') }, noDropout, { slots });
      const drawn = ops.reshape(sampleTokens(key, lmLogits(config, parameters, states), 'contrastive/synonyms'), slots.shape);
      return ops.scatterElements(inputIds, slots, ops.where(replaces, drawn, ops.gatherElements(inputIds, slots, 1)), 1, 'none');
    });

  /** The loss from all embeddings [views·N, H], first texts first. */
  const compare = (embeddings: Value, { parameters, buffer, batch: feed }: LossContext): Loss => {
    const scale = options.learnTemperature
      ? ops.exp(nearlyAtMost(parameters(LOGIT_SCALE), Math.log(HIGHEST_SCALE)))
      : 1 / options.temperature;
    const projected = project(embeddings, parameters);
    const queue = options.queue > 0 ? buffer(QUEUE) : undefined;
    /** The loss of each anchor, or of all pairs together. */
    const direct = (texts: Value, memory: Value | undefined): Value => {
      const unit = options.similarity === 'cosine' ? ops.l2Normalize(texts) : texts;
      const [a, b, c] = ops.split(unit, new Array<number>(views).fill(batch), 0);
      const similarity: SimilarityOptions = {
        scale,
        queue: memory && (options.similarity === 'cosine' ? ops.l2Normalize(memory) : memory),
      };
      if (kind === 'nt-xent') return ntXent(unit, similarity);
      return kind === 'cosent' ? cosent(a!, b!, feed('scores'), scale) : infoNce(a!, b!, similarity, c);
    };
    const each = [...matryoshka, width].map((size) =>
      size === width ? direct(projected, queue) : direct(beginning(projected, size), queue && beginning(queue, size)),
    );
    const loss = ops.mul(each.map((losses) => ops.reduceMean(losses)).reduce(ops.add), 1 / each.length);
    const parts = { embeddings: ops.l2Normalize(projected), ...(kind !== 'cosent' && { losses: each.at(-1)! }) };
    const metrics = measure(embeddings, kind === 'cosent' ? feed('scores') : undefined);
    if (!queue) return { loss, metrics, parts };
    // The newest embeddings push out the oldest; what is remembered is what others were compared with.
    const newest = ops.slice(projected, [batch], [2 * batch]);
    const kept = Math.min(options.queue, batch);
    return {
      loss,
      metrics,
      parts,
      next: { [QUEUE]: ops.concat([ops.slice(newest, [0], [kept]), ops.slice(queue, [0], [options.queue - kept])], 0) },
    };
  };

  const measure = (embeddings: Value, scores: Value | undefined): Record<string, Value> => {
    const [a, b, c] = ops.split(ops.l2Normalize(embeddings), new Array<number>(views).fill(batch), 0) as [Value, Value, Value | undefined];
    if (scores) return { order: orderedShare(a, b, scores) };
    const retrieval =
      kind === 'nt-xent' ? retrievalAmongViews(ops.concat([a, b], 0)) : retrievalAmongCandidates(a, c ? ops.concat([b, c], 0) : b);
    return { retrieval, ...alignmentAndUniformity(a, b) };
  };

  const project = (embeddings: Value, parameters: LossContext['parameters']): Value => {
    if (options.projection === 'none') return embeddings;
    const first = linear(embeddings, parameters, `${PROJECTION}.0`);
    return options.projection === 'linear' ? ops.tanh(first) : linear(ops.relu(first), parameters, `${PROJECTION}.2`);
  };

  const loss = (given: LossContext): Loss => {
    const texts = textsOf(given);
    const { parts, ...compared } = compare(embed(given, texts), given);
    // Without synonyms the texts are an input of the graph, which cannot be an output of it as well.
    return { ...compared, parts: { ...parts, texts: ops.identity(texts) } };
  };
  /** A queue remembers training texts; held-out ones are compared with each other alone. */
  const heldOut = (given: LossContext): LossContext => ({
    ...given,
    buffer: () => ops.zeros({ dtype: 'float32', shape: [options.queue, width] }),
    ...(positives.from !== 'dropout' && { dropout: noDropout }),
  });
  const chunks = gradientCache > 0 ? batch / gradientCache : 1;
  const parameters: ParameterSpec[] = [
    ...(options.learnTemperature ? [{ name: LOGIT_SCALE, shape: [], start: -Math.log(options.temperature), decays: false }] : []),
    ...(options.projection === 'none' ? [] : linearParameters(`${PROJECTION}.0`, width, width)),
    ...(options.projection === 'mlp' ? linearParameters(`${PROJECTION}.2`, width, width) : []),
    ...(replaced > 0 ? mlmHeadParameters(config) : []),
  ];
  const candidates = kind === 'nt-xent' ? 2 * batch - 1 : positives.from === 'triplets' ? 2 * batch : batch;

  return {
    type: 'contrastive',
    weight: options.weight,
    parameters,
    ...(options.queue > 0 && { buffers: [{ name: QUEUE, shape: [options.queue, width] }] }),
    feeds,
    evaluationFeeds: feeds,
    tokens: views * batch * length,
    check: (train, heldOut) => {
      if (positives.from === 'dropout' && config.dropout === 0 && config.attentionDropout === 0) {
        throw new UserError(
          'Contrastive learning makes its two views by dropout, and the model has none.',
          'Set "model.dropout" or "model.attentionDropout" above 0 (0.1 is usual), or choose other "positives".',
          'experiment',
        );
      }
      requireExamples([train, heldOut], (split) => examplesOf(split, positives, length - 2), {
        objective: 'contrastive',
        least: batch,
        what: exampleName(positives),
        hint:
          positives.from === 'adjacent'
            ? 'Add text, lower "batchSize", or use the positives "dropout", which are single sentences.'
            : 'Add text, or lower "batchSize".',
      });
    },
    batch: (split, step) => build(split, step * batch, (epoch) => hash32(seed, 20, epoch), hash32(seed, 22, step)),
    loss,
    evaluationBatch: (split, index) => build(split, index * batch, (epoch) => hash32(21, epoch), hash32(23, index)),
    evaluation: (given) => loss(heldOut(given)),
    examples: (trained) =>
      comparedTexts(trained, {
        batch,
        views,
        candidates: kind === 'nt-xent' ? 'all' : kind === 'cosent' ? 'none' : 'others',
      }),
    baseline: () =>
      kind === 'cosent'
        ? { metric: 'contrastive.order', value: 0.5, by: 'chance', better: 'higher' }
        : { metric: 'contrastive.retrieval', value: 1 / candidates, by: 'chance', better: 'higher' },
    division: {
      rows: batch,
      into: (count) => createContrastive({ ...options, gradientCache: Math.min(gradientCache || batch, batch / count) }, context),
    },
    ...(gradientCache > 0 && {
      cached: {
        count: chunks,
        feeds: feedsFor(views * gradientCache),
        chunk: (whole, index) => chunkOf(whole, index, views, batch, gradientCache),
        embed,
        heldOut,
        loss: (embeddings, given) => {
          // Chunk after chunk, each with its first texts first, becomes all first texts first.
          const ordered = ops.transpose(ops.reshape(embeddings, [chunks, views, gradientCache, width]), [1, 0, 2, 3]);
          return compare(ops.reshape(ordered, [views * batch, width]), given);
        },
      },
    }),
  };
}

/** A limit that is hard to go beyond, with a gradient there that leads back: at a plain minimum a parameter would be stuck. */
const nearlyAtMost = (x: Value, limit: number): Value => ops.add(ops.min(x, limit), ops.mul(ops.relu(ops.sub(x, limit)), 0.01));

const beginning = (texts: Value, size: number): Value => ops.slice(texts, [0], [size], [1]);

/** The rows of a chunk of examples, from all views. */
function chunkOf(whole: Batch, index: number, views: number, batch: number, size: number): Batch {
  return Object.fromEntries(
    Object.entries(whole).flatMap(([name, { dtype, shape, data }]) => {
      if (shape[0] !== views * batch) return [];
      const width = data.length / shape[0];
      const rows = data.slice(0, views * size * width);
      for (let view = 0; view < views; view++) {
        const from = (view * batch + index * size) * width;
        rows.set(data.subarray(from, from + size * width) as never, view * size * width);
      }
      return [[name, { dtype, shape: [views * size, ...shape.slice(1)], data: rows }]];
    }),
  );
}
