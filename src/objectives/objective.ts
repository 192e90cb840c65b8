import type { z } from 'zod';
import type { Value } from '../onnx/graph';
import type { Tensor, Type } from '../onnx/types';
import type { ModelConfig } from '../model/config';
import type { Dropout } from '../model/dropout';
import type { ParameterSpec, Parameters } from '../model/parameters';
import type { Split } from '../text/dataset';
import type { SpecialTokens } from '../text/tokenizer';

/** Fields that every objective's options have. */
export interface ObjectiveOptions {
  readonly type: string;
  /** Factor of this objective's loss in the sum that is minimised. */
  readonly weight: number;
}

/** What an objective needs to know of the experiment around it. */
export interface ObjectiveContext {
  readonly config: ModelConfig;
  readonly special: SpecialTokens;
  readonly seed: number;
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
  readonly dropout: Dropout;
}

export interface Loss {
  /** Scalar, in nats. */
  readonly loss: Value;
  /** Further scalars to report, by name. */
  readonly metrics?: Readonly<Record<string, Value>>;
}

/** An objective set up for one experiment. Batches are pure functions of (seed, step): nothing is remembered between them. */
export interface Instance {
  readonly type: string;
  readonly weight: number;
  /** Trainable tensors beyond the encoder's. */
  readonly parameters: readonly ParameterSpec[];
  readonly feeds: Feeds;
  readonly evaluationFeeds: Feeds;
  /** Tokens that go through the encoder in a step, padding included. */
  readonly tokens: number;
  /** @throws UserError (code `corpus`) when the text is too little for one batch */
  readonly check: (train: Split, heldOut: Split) => void;
  readonly batch: (split: Split, step: number) => Batch;
  readonly loss: (context: LossContext) => Loss;
  /** The fixed held-out batch number `index`, and the loss on it (without dropout unless the objective is made of it). */
  readonly evaluationBatch: (split: Split, index: number) => Batch;
  readonly evaluation: (context: LossContext) => Loss;
}

/** One pre-training objective: a row of the registry and a file of its own. */
export interface Objective<O extends ObjectiveOptions = ObjectiveOptions> {
  readonly type: O['type'];
  readonly title: string;
  /** What it teaches, in one sentence. */
  readonly description: string;
  readonly paper: string;
  readonly options: z.ZodType<O>;
  // A method, so that an objective of particular options is also one of any options.
  create(options: O, context: ObjectiveContext): Instance;
}
