import type * as z from 'zod';
import type { Value, Outputs } from '../onnx/graph';
import type { Tensor } from '../onnx/types';
import type { ParameterSpec } from '../model/parameters';
import type { Feeds, Batch, Loss, LossContext, ObjectiveContext } from '../objectives/objective';
import type { Split } from '../text/dataset';
import type {
  Baseline,
  Device,
  Geometry,
  Metrics,
  Neighbour,
  ObjectiveSummary,
  Prediction,
  Projection,
  RunSummary,
  Similarity,
  TextMap,
  Unit,
  WordSurprisal,
} from '../shared/types';
import type { ProbeOptions } from '../experiment/probes';
import type { ComparisonReport } from '../shared/comparison-types';
import type { ProbeResult } from '../shared/probe-types';
import type { View } from '../shared/views';
import type { ExperimentSchema } from '../train/experiment';
import type { onnx } from './onnx';
import type { parts } from './parts';

/** As it is, or as a constant. */
type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** An experiment as its file would say it: what is left out has its default. Paths are seen from the notebook's folder. */
export type ExperimentInput = DeepReadonly<Omit<Written, 'objectives'>> & {
  readonly objectives: readonly (
    DeepReadonly<Written['objectives'][number]> | { readonly type: string; readonly [option: string]: unknown }
  )[];
};
type Written = z.input<typeof ExperimentSchema>;

/** A downstream task, as an experiment's `probes` say it. */
export type ProbeInput = DeepReadonly<z.input<typeof ProbeOptions>>;

export interface TrainingOptions {
  /** Optimiser steps instead of the experiment's. */
  readonly steps?: number;
  readonly device?: Device;
  /** Processor threads; found by a short measurement when absent. */
  readonly threads?: number;
  /** Whether a chart follows the run while it goes on; otherwise it is drawn at the end. Default: true. */
  readonly live?: boolean;
}

/** A run: what its folder says of it. A notebook shows what it learned, against what it must beat. */
export interface LabRun extends RunSummary {
  /** Every line of its metrics, in nats. */
  readonly metrics: () => Metrics[];
  /** The same as a chart. */
  readonly curve: () => Metrics[];
}

/** A run, the name or folder of one, or a model folder as Hugging Face lays it out. */
export type ModelChoice = string | { readonly folder: string };

export interface ModelOption {
  /** Default: the run that was trained or opened last, otherwise the newest that has a checkpoint. */
  readonly model?: ModelChoice;
}

/** Numbers, nested as deep as they like. */
export type Numbers = number | ArrayLike<number> | readonly Numbers[];

/** Options that every objective of a notebook has. */
export interface NewObjectiveOptions {
  readonly weight: number | { readonly from: number; readonly to: number };
  readonly batchSize: number;
  readonly sequenceLength: number;
}

/** A new objective: how text becomes a batch, and the loss as a graph. */
export interface NewObjective<O extends object = object> {
  /** What experiments call it. */
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly papers?: readonly string[];
  /** Its options beyond `weight`, `batchSize` and `sequenceLength`, with their defaults; experiments may set them, to what has the type of the default. */
  readonly options?: O;
  /** Sets it up for one experiment. */
  create(options: NewObjectiveOptions & O, context: ObjectiveContext): NewInstance;
}

export interface NewInstance {
  /** Trainable tensors beyond the encoder's. */
  readonly parameters?: readonly ParameterSpec[];
  /** Names and types of a batch's tensors. */
  readonly feeds: Feeds;
  /** The batch of a step: a pure function of its arguments. @param key changes with the experiment's seed, and is another one for held-out text */
  readonly batch: (split: Split, step: number, key: number) => Batch;
  readonly loss: (context: LossContext) => Loss;
  /** What a model that has learned nothing reaches, in nats, and by what. */
  readonly baseline: Pick<Baseline, 'value' | 'by'>;
}

/** An objective that experiments of this session may name. */
export type AddedObjective = Pick<ObjectiveSummary, 'type' | 'title' | 'description'>;

/** A training step: forward, backward and update as one graph. */
export interface StepGraph {
  readonly outputs: Outputs;
  readonly nodes: number;
  /** Floating-point operations in its matrix products. */
  readonly flops: number;
  /** How often each operator stands in it. */
  readonly operators: Readonly<Record<string, number>>;
  /** The graph as a person would write it. */
  readonly print: () => string;
  /** The graph as an ONNX model, for any other program. */
  readonly onnx: () => Uint8Array;
}

/** The engine of Objective Lab, as cells use it. What its functions return shows itself as a picture or a table. */
export interface Lab {
  /**
   * Runs an experiment to its end, with a chart that follows it. The run is an ordinary one: it is in the Runs view, and can be resumed.
   *
   * @param experiment path of a `*.lab.json` seen from the notebook's folder, or an experiment as an object
   */
  train(experiment: ExperimentInput | string, options?: TrainingOptions): Promise<LabRun>;
  /** A run by its folder, its id or its name (the newest of that name). It becomes the model that is asked where none is named. */
  run(id: string): LabRun;
  /** All runs, newest first. */
  runs(): readonly LabRun[];
  /** Predicts each `[MASK]` of a text. @param options.top candidates for each; 5 by default */
  mask(text: string, options?: ModelOption & { readonly top?: number }): Promise<readonly Prediction[]>;
  /** How unexpected each word of a text is, −log p in nats. @param options.quick hides several words at a time: an estimate at a fraction of the work */
  surprisal(text: string, options?: ModelOption & { readonly quick?: boolean }): Promise<readonly WordSurprisal[]>;
  /** A unit vector for each text, by mean pooling: [texts][hidden size]. */
  embed(texts: readonly string[], options?: ModelOption): Promise<readonly Float32Array[]>;
  /** Cosine similarity of every pair. @param texts or one text, whose sentences are compared */
  similarity(texts: readonly string[] | string, options?: ModelOption & { readonly unit?: Unit }): Promise<Similarity>;
  /** Alignment and uniformity of texts on the sphere (Wang & Isola, 2020, arXiv 2005.10242); both are better when lower. */
  geometry(texts: readonly string[] | string, options?: ModelOption & { readonly unit?: Unit }): Promise<Geometry>;
  /** Places texts in the plane. @param options.groups a name for each text, which gives it its colour */
  map(
    texts: readonly string[] | string,
    options?: ModelOption & { readonly unit?: Unit; readonly projection?: Projection; readonly groups?: readonly string[] },
  ): Promise<TextMap>;
  /** The sentences of a folder's text files that are most like a text. @param options.root the notebook's folder by default */
  neighbours(text: string, options?: ModelOption & { readonly root?: string; readonly top?: number }): Promise<readonly Neighbour[]>;
  /**
   * Measures a model by downstream tasks, each metric with its 95 % interval.
   *
   * @param probes as an experiment has them; paths of files are seen from the notebook's folder
   */
  probe(probes: ProbeInput | readonly ProbeInput[], options?: ModelOption): Promise<readonly ProbeResult[]>;
  /** Runs a comparison (`*.compare.json`), or goes on with one that has begun; finished members are not run again. */
  compare(path: string): Promise<ComparisonReport>;
  /** Every objective there is, those of this session among them. */
  readonly objectives: readonly AddedObjective[];
  /** Adds an objective that is written in a cell; experiments of this session may name it from then on. Running the cell again replaces it. */
  objective<O extends object>(definition: NewObjective<O>): AddedObjective;
  /** The training step of an experiment as a graph, with what each part costs. */
  graph(experiment: ExperimentInput | string): Promise<StepGraph>;
  /** The compiler: build a graph, differentiate it, run it. */
  readonly onnx: typeof onnx;
  /** What objectives are made of: the encoder, heads, windows of text, masks. */
  readonly parts: typeof parts;
  /** Shows a value in the output, without being the cell's last. @param id a display with the same id is replaced */
  show(value: unknown, id?: string): void;
  /** Rows as a table, a column for each key. */
  table(rows: readonly object[]): readonly object[];
  /** A matrix of numbers as a heatmap. */
  heatmap(matrix: readonly ArrayLike<number>[], names?: { readonly rows?: readonly string[]; readonly columns?: readonly string[] }): View;
  /** Named quantities as bars. */
  bars(title: string, values: Readonly<Record<string, number>>): View;
  /** HTML as a tagged template; what is put in between is shown as text, never as markup. */
  html(strings: TemplateStringsArray, ...values: readonly unknown[]): object;
}

export type { Value, Tensor };
