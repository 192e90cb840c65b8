import type * as z from 'zod';
import type { Value } from '../onnx/graph';
import type { Shape, Tensor, Type } from '../onnx/types';
import type { ModelConfig } from '../model/config';
import type { Writing } from '../model/incremental';
import type { Dropout } from '../model/random';
import type { ParameterSpec, Parameters } from '../model/parameters';
import type { Split } from '../text/dataset';
import type { Baseline } from '../shared/types';
import type { TableRequest } from '../text/table';
import type { Vocabulary } from '../text/vocabulary';
import type { Ramp } from './ramp';
import type { ShownExamples, Trained } from './show';

/** Fields that every objective's options have. */
export interface ObjectiveOptions {
  readonly type: string;
  /** Factor of this objective's loss in the sum that is minimised; it may change on the way. */
  readonly weight: Ramp;
}

/** What an objective needs to know of the experiment around it. */
export interface ObjectiveContext {
  readonly config: ModelConfig;
  readonly vocabulary: Vocabulary;
  /** Ids of the tokens that the objective asked for, in its order. */
  readonly tokens: readonly number[];
  readonly seed: number;
  /** Optimiser steps of the whole run, for what changes on the way. */
  readonly steps: number;
  /** Types of all objectives of the experiment. */
  readonly types: readonly string[];
}

/** Names and types of a batch's tensors. */
export type Feeds = Readonly<Record<string, Type>>;

/** The tensors of one batch, by name. */
export type Batch = Readonly<Record<string, Tensor>>;

/** What a loss is written with. */
export interface LossContext {
  readonly parameters: Parameters;
  /** A graph input of the batch. */
  readonly batch: (name: string) => Value;
  /** A tensor that the objective carries from step to step. */
  readonly buffer: (name: string) => Value;
  readonly dropout: Dropout;
  /** A uint32 scalar from which all that is random in a step's graph follows. */
  readonly key: Value;
}

export interface Loss {
  /** Scalar, in nats. */
  readonly loss: Value;
  /** Further scalars to report, by name. */
  readonly metrics?: Readonly<Record<string, Value>>;
  /** What the buffers hold in the next step. */
  readonly next?: Readonly<Record<string, Value>>;
  /** What `Instance.examples` tells of. Steps leave it out. */
  readonly parts?: Readonly<Record<string, Value>>;
}

/** A tensor that an objective carries from step to step, zero at first: part of a checkpoint, and not trained. */
export interface BufferSpec {
  readonly name: string;
  readonly shape: Shape;
}

/** An objective set up for one experiment. Batches are pure functions of (seed, step): nothing is remembered between them. */
export interface Instance {
  readonly type: string;
  readonly weight: Ramp;
  /** Trainable tensors beyond the encoder's. */
  readonly parameters: readonly ParameterSpec[];
  readonly buffers?: readonly BufferSpec[];
  readonly feeds: Feeds;
  readonly evaluationFeeds: Feeds;
  /** Tokens that go through encoder and decoder in a step, padding included. */
  readonly tokens: number;
  /** @throws UserError (code `corpus`) when the text is too little for one batch, or not of the kind that is needed */
  readonly check: (train: Split, heldOut: Split) => void;
  readonly batch: (split: Split, step: number) => Batch;
  readonly loss: (context: LossContext) => Loss;
  /** The fixed held-out batch number `index`, and the loss on it (without dropout unless the objective is made of it). */
  readonly evaluationBatch: (split: Split, index: number) => Batch;
  readonly evaluation: (context: LossContext) => Loss;
  /** @param unigramEntropy of the training text, in nats */
  readonly baseline: (heldOut: Split, unigramEntropy: number) => Baseline;
  /** The first examples of a batch as people read them, with what the model made of each. */
  readonly examples: (trained: Trained) => ShownExamples;
  /** How the gradient of a batch too large for the memory is computed in parts; without it, at once. */
  readonly cached?: CachedLoss;
  /** How a batch is divided; without it, it is not. */
  readonly division?: Division;
  /** The parts that it is divided into. */
  readonly parts?: Parts;
}

/** A batch of `rows` examples can be computed in any number of equal parts that divides them. */
export interface Division {
  readonly rows: number;
  /** The same objective on the same batches, computed in so many parts, or in chunks of a gradient cache. */
  readonly into: (count: number) => Instance;
}

/** The parts of a batch: its loss is the mean of theirs, and so is its gradient. */
export interface Parts {
  readonly count: number;
  /** The objective with a batch as small as a part. */
  readonly instance: Instance;
  /** The rows of a part, of a batch for training or of a held-out one. */
  readonly part: (batch: Batch, index: number) => Batch;
  /** Whether the held-out metrics of a batch are means of those of its parts as well; otherwise held-out batches are measured whole. */
  readonly metrics: boolean;
}

/** A loss over embeddings that are computed in chunks, see `GradientCache`. */
export interface CachedLoss {
  /** Chunks of a batch. */
  readonly count: number;
  /** Types of a chunk's share of a batch, and the share itself. */
  readonly feeds: Feeds;
  readonly chunk: (batch: Batch, index: number) => Batch;
  /** Embeddings of a chunk, rows in any fixed order. */
  readonly embed: (context: LossContext) => Value;
  /** The loss from the embeddings of all chunks, one after another. */
  readonly loss: (embeddings: Value, context: LossContext) => Loss;
  /** What both are written with on held-out text. */
  readonly heldOut: (context: LossContext) => LossContext;
}

/** What is to know of an objective whose batches can be divided by rows; their number is its option `batchSize`. */
export interface Rowwise {
  /** Feeds that hold weights which add up to 1 over a batch. */
  readonly weights: readonly string[];
  /** See {@link Parts.metrics}. */
  readonly metrics: boolean;
}

/** One pre-training objective: a row of the registry and a file of its own. */
export interface Objective<O extends ObjectiveOptions = ObjectiveOptions> {
  readonly type: O['type'];
  readonly title: string;
  /** What the model is asked, in one sentence. */
  readonly description: string;
  /** What it needs of the text, and what it is good for. */
  readonly needs: string;
  readonly goodFor: string;
  readonly papers: readonly string[];
  /** Held-out metrics beside the loss, by name. */
  readonly metrics: Readonly<Record<string, string>>;
  readonly options: z.ZodType<O>;
  // Methods, so that an objective of particular options is also one of any options.
  /** Special tokens that the tokenizer must have beyond BERT's. */
  tokens?(options: O): readonly string[];
  /** How a model that was trained by it writes text, if it does. */
  writing?(options: O, config: ModelConfig): Writing;
  /** A file of rows that it reads. */
  table?(options: O): TableRequest | undefined;
  /** That the loss of a batch is the mean of those of equal parts of its rows, so that it can be computed in parts. */
  readonly rowwise?: Rowwise;
  create(options: O, context: ObjectiveContext): Instance;
}
