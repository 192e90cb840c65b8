import type * as z from 'zod';
import * as ops from '../onnx/ops';
import { filled, tensor } from '../onnx/types';
import { linear } from '../model/attention';
import { encode } from '../model/encoder';
import { bertPooler } from '../model/heads';
import { linearParameters, poolerParameters } from '../model/parameters';
import { noDropout } from '../model/random';
import { hash32, permute } from '../shared/random';
import type { Split } from '../text/dataset';
import { joined } from './denoising';
import { requireDocuments, requireExamples } from './demands';
import { drawExamples, type Examples } from './examples';
import type { Batch, Instance, Loss, LossContext, ObjectiveContext } from './objective';
import { batchSize, sequenceLength, weight } from './options';
import type { Ramp } from './ramp';
import { accuracyOf } from './scoring';
import { examplesOf, rowOf, tokensOf } from './show';

/** Two stretches of whole sentences, and which of two answers is right: the objectives of BERT and ALBERT that read sentence pairs are this with other pairs. */
export interface SentencePair {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly label: 0 | 1;
}

export const sentencePairFields = {
  weight,
  batchSize: batchSize(32, 'sentence pairs'),
  sequenceLength: sequenceLength(64, 'a pair'),
};
type Fields = z.infer<z.ZodObject<typeof sentencePairFields>>;

interface PairObjective {
  readonly type: string;
  /** Head in Hugging Face's name. */
  readonly head: string;
  /** Whether some stretches are from other documents. */
  readonly otherDocuments: boolean;
  /** What the labels 0 and 1 say of the second stretch. */
  readonly answers: readonly [string, string];
  /** Makes a pair from two stretches that follow each other; `elsewhere` gives one of another document in place of the second. */
  readonly pair: (first: Int32Array, second: Int32Array, positive: boolean, elsewhere: () => Int32Array) => SentencePair;
}

const DRAW = { answer: 60, division: 61, place: 62 } as const;
/** Stretches of other documents of which the one is taken that is nearest in length. */
const CANDIDATES = 32;

/** An objective that reads [CLS] A [SEP] B [SEP] with segment ids and answers a question of two answers from the pooled [CLS] state. */
export function createPairObjective(
  { type, head, otherDocuments, answers, pair }: PairObjective,
  options: Fields & { readonly weight: Ramp },
  { config, vocabulary, seed }: ObjectiveContext,
): Instance {
  const { batchSize: batch, sequenceLength: length } = options;
  const { cls, sep, pad } = vocabulary.special;
  const feeds: Instance['feeds'] = {
    inputIds: { dtype: 'int64', shape: [batch, length] },
    attentionMask: { dtype: 'float32', shape: [batch, length] },
    tokenTypeIds: { dtype: 'int64', shape: [batch, length] },
    labels: { dtype: 'int64', shape: [batch] },
  };

  const build = (split: Split, first: number, order: (epoch: number) => number, key: number): Batch => {
    const starts = drawExamples(startsOf(split), batch, first, order);
    const ids = new Float64Array(batch * length).fill(pad);
    const [mask, types] = [new Float64Array(batch * length), new Float64Array(batch * length)];
    const labels = starts.map(({ sentence }, row) => {
      const own = hash32(key, row);
      // Half of the pairs of a batch have each answer, so that none can be guessed from the others.
      const positive = permute(row, batch, hash32(key, DRAW.answer)) < batch / 2;
      const both = neighbours(split, sentence, length - 3, own);
      const other = (): Int32Array => elsewhere(split, sentence, both, length - 3, own);
      const { first: left, second: right, label } = pair(both.first, both.second, positive, other);
      const sequence = [cls, ...left, sep, ...right, sep];
      ids.set(sequence, row * length);
      mask.fill(1, row * length, row * length + sequence.length);
      types.fill(1, row * length + left.length + 2, row * length + sequence.length);
      return label;
    });
    return {
      inputIds: tensor('int64', [batch, length], ids),
      attentionMask: tensor('float32', [batch, length], mask),
      tokenTypeIds: tensor('int64', [batch, length], types),
      labels: tensor('int64', [batch], labels),
    };
  };

  const loss = ({ parameters, batch: feed, dropout }: LossContext): Loss => {
    // The answer is read off [CLS] alone, so the last layer works on nothing else.
    const slots = ops.constant(filled('int64', [batch, 1], 0));
    const input = { inputIds: feed('inputIds'), attentionMask: feed('attentionMask'), tokenTypeIds: feed('tokenTypeIds') };
    const states = encode(config, parameters, input, dropout, { site: `${type}/`, slots });
    const pooled = dropout(bertPooler(parameters, states), config.dropout, `${type}/pooler`);
    const logits = linear(pooled, parameters, head);
    const losses = ops.crossEntropy(logits, feed('labels'));
    return {
      loss: ops.reduceMean(losses),
      metrics: { accuracy: accuracyOf(logits, feed('labels')) },
      parts: { losses, probabilities: ops.softmax(logits, -1) },
    };
  };

  return {
    type,
    weight: options.weight,
    parameters: [...poolerParameters(config), ...linearParameters(head, config.hiddenSize, 2)],
    feeds,
    evaluationFeeds: feeds,
    tokens: batch * length,
    check: (train, heldOut) => {
      const splits = [train, heldOut];
      if (otherDocuments) {
        const hint =
          'Divide the text among more files, raise "corpus.heldOut", or choose "sop", which takes both stretches from one document.';
        requireDocuments(splits, { objective: type, least: 2, what: 'documents', hint });
      }
      const hint = 'Choose "mlm" or "clm", which learn from any text.';
      requireExamples(splits, startsOf, { objective: type, least: 1, what: 'pairs of neighbouring sentences', hint });
    },
    batch: (split, step) => build(split, step * batch, (epoch) => hash32(seed, 70, epoch), hash32(seed, 71, step)),
    loss,
    evaluationBatch: (split, index) => build(split, index * batch, (epoch) => hash32(72, epoch), hash32(73, index)),
    evaluation: (given) => loss({ ...given, dropout: noDropout }),
    examples: (trained) =>
      examplesOf(batch, trained, (row) => {
        const [ids, types] = [rowOf(trained.batch.inputIds!, batch, row), rowOf(trained.batch.tokenTypeIds!, batch, row)];
        const [tokens, probabilities] = [tokensOf(trained, ids, row), rowOf(trained.part('probabilities'), batch, row)];
        const given = probabilities[1]! > probabilities[0]! ? 1 : 0;
        return {
          texts: [
            { role: 'first', tokens: tokens.filter((_, place) => types[place] === 0) },
            { role: 'second', tokens: tokens.filter((_, place) => types[place] === 1) },
          ],
          answer: {
            right: answers[Number(trained.batch.labels!.data[row]) as 0 | 1],
            given: answers[given],
            probability: probabilities[given]!,
          },
          loss: Number(trained.part('losses').data[row]),
        };
      }),
    baseline: () => ({ metric: `${type}.accuracy`, value: 0.5, by: 'chance', better: 'higher' }),
  };
}

/** The sentences that another one of the same document follows. */
const startsOf = (split: Split): Examples<{ sentence: number }> => ({
  count: split.sentenceCount,
  get: (sentence) => {
    const [, end] = split.sentencesOf(split.documentOf(sentence));
    return sentence + 1 < end ? { sentence } : undefined;
  },
  texts: () => [],
});

/** Two stretches that follow each other, and whether the second one had to be cut. */
interface Neighbours {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly cut: boolean;
}

/**
 * The whole sentences from one on that fit, at least two, divided at a random place between them, as in BERT and ALBERT: so neither stretch is longer
 * than the other in the mean, which would give their order away. Two sentences that are too long are cut.
 */
function neighbours(split: Split, from: number, room: number, key: number): Neighbours {
  const [, end] = split.sentencesOf(split.documentOf(from));
  const sentences: Int32Array[] = [];
  for (let i = from, used = 0; i < end; i++) {
    const sentence = split.sentence(i);
    used += sentence.length;
    if (used > room && sentences.length >= 2) break;
    sentences.push(sentence);
  }
  const division = 1 + (hash32(key, DRAW.division) % (sentences.length - 1));
  const [first, second] = [joined(sentences.slice(0, division)), joined(sentences.slice(division))];
  const half = Math.floor(room / 2);
  return {
    first: first.subarray(0, Math.max(half, room - second.length)),
    second: second.subarray(0, Math.max(half, room - first.length)),
    cut: second.length > Math.max(half, room - first.length),
  };
}

/**
 * In place of the second of two stretches one of another document: of some that begin at random sentences the one that is nearest in length, and cut
 * only where the second one was, for otherwise lengths and unfinished sentences would give the answer away.
 */
function elsewhere(split: Split, from: number, { first, second, cut }: Neighbours, room: number, key: number): Int32Array {
  const [start, end] = split.sentencesOf(split.documentOf(from));
  const placeOf = (attempt: number): number => {
    const place = hash32(key, DRAW.place, attempt) % (split.sentenceCount - (end - start));
    return place < start ? place : place + end - start;
  };
  const wanted = second.length;
  const shortened = (attempt: number): Int32Array => split.sentence(placeOf(attempt)).subarray(0, wanted);
  let nearest: Int32Array = new Int32Array();
  for (let attempt = 0; attempt < CANDIDATES && nearest.length !== wanted; attempt++) {
    const candidate = cut ? shortened(attempt) : stretch(split, placeOf(attempt), wanted, room - first.length);
    if (Math.abs(candidate.length - wanted) < Math.abs(nearest.length - wanted)) nearest = candidate;
  }
  return nearest.length > 0 ? nearest : shortened(0);
}

/** The whole sentences from one on whose length is nearest to the one that is wanted, and no more than fit; none where the first is too long. */
function stretch(split: Split, from: number, wanted: number, room: number): Int32Array {
  const [, end] = split.sentencesOf(split.documentOf(from));
  const sentences: Int32Array[] = [];
  for (let i = from, used = 0; i < end; i++) {
    const sentence = split.sentence(i);
    const length = used + sentence.length;
    if (length > room || length - wanted > wanted - used) break;
    sentences.push(sentence);
    used = length;
  }
  return joined(sentences);
}
