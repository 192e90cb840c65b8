import * as z from 'zod/mini';
import {
  Attention,
  CheckpointSummary,
  Geometry,
  Neighbour,
  Prediction,
  Projection,
  RunSummary,
  Similarity,
  Span,
  TextMap,
  TextUnit,
  Token,
  TrainingBatch,
  Unit,
} from '../types';
import { Action, Empty, Notice, Short } from './view';

/** The part of a document whose tokens are shown. Lines count from 1; `text` begins at offset `start` of the document. */
const Part = z.object({ start: z.int(), text: z.string(), firstLine: z.int(), lastLine: z.int(), lineCount: z.int() });
export type Part = z.infer<typeof Part>;

/**
 * A document as one checkpoint reads it. `version` names this reading (text, part and checkpoint), so that late answers can be dropped. The spans
 * of the tokens are offsets in the document; their order is that of `tokenize`, so an index here is an index there.
 */
const Reading = z.object({
  version: z.int(),
  uri: z.string(),
  name: z.string(),
  /** Names the whole text and the checkpoint: the same whichever part of the text is shown. */
  content: z.int(),
  /** Names the model on the command line, from the workspace folder. */
  model: z.string(),
  /** Names the document on the command line likewise; absent while it is in no file. */
  file: z.optional(z.string()),
  step: z.optional(z.int()),
  part: Part,
  tokens: z.array(Token),
});
export type Reading = z.infer<typeof Reading>;

/** A model may read the file alone, or beside another one. */
const Side = z.enum(['first', 'second']);
export type Side = z.infer<typeof Side>;

/**
 * What reads the file on one side: a run (its folder), or a model folder from elsewhere, which has no checkpoints. `checkpoint` is the folder of the one
 * that was chosen; absent: the newest is followed.
 */
const ModelChoice = z.object({
  model: z.string(),
  name: z.string(),
  checkpoints: z.array(CheckpointSummary),
  checkpoint: z.optional(z.string()),
});
export type ModelChoice = z.infer<typeof ModelChoice>;

const Models = z.object({ runs: z.array(RunSummary), first: z.optional(ModelChoice), second: z.optional(ModelChoice) });
export type Models = z.infer<typeof Models>;

/** How surprising a word is, in nats, before and after another was replaced. */
const SurprisalChange = z.extend(Span, { before: z.number(), after: z.number() });
export type SurprisalChange = z.infer<typeof SurprisalChange>;

/** What another word in a place changes: the predictions of that place and of the others that are hidden, and the surprisal of the words around. */
const Replaced = z.object({ predictions: z.array(Prediction), changes: z.array(SurprisalChange) });
export type Replaced = z.infer<typeof Replaced>;

/** The first `limit` units of a document; what is told of them has offsets in the document. */
const Units = z.object({ content: z.int(), unit: Unit, limit: z.int().check(z.positive(), z.maximum(2000)) });

/** `file` is its path from the workspace folder, for people. */
const NeighbourInFile = z.extend(z.omit(Neighbour, { path: true }), { uri: z.string(), file: z.string() });
export type NeighbourInFile = z.infer<typeof NeighbourInFile>;

/** What the inspector may ask of the host, and what it is told. */
export const inspectorHost = {
  requests: {
    /** Hides what stands in these spans of a reading. Fails with code `stale` when the reading is no longer the newest. */
    predict: {
      params: z.object({ version: z.int(), side: Side, spans: z.array(Span).check(z.maxLength(512)) }),
      result: z.array(Prediction),
    },
    /** Puts another text in place of a span, while other spans stay hidden. Fails with `stale` like `predict`. */
    replace: {
      params: z.object({
        version: z.int(),
        side: Side,
        span: Span,
        text: z.string().check(z.minLength(1), z.maxLength(200)),
        hidden: z.array(Span).check(z.maxLength(512)),
      }),
      result: Replaced,
    },
    /** Fails with `stale` like `predict`. */
    attention: {
      params: z.object({
        version: z.int(),
        index: z.int().check(z.nonnegative()),
        layer: z.int().check(z.nonnegative()),
        hidden: z.array(Span).check(z.maxLength(512)),
      }),
      result: Attention,
    },
    /** What the first model's run trains on in a step. */
    batch: {
      params: z.object({ step: z.optional(z.int().check(z.nonnegative())), objective: z.optional(z.string().check(z.maxLength(100))) }),
      result: TrainingBatch,
    },
    /** The tokens of a reading that the run's training would hide, another choice for every `draw`. Fails with `stale` like `predict`. */
    mask: { params: z.object({ version: z.int(), draw: z.int().check(z.nonnegative()) }), result: z.array(z.int()) },
    /** Compares units of the document. Fails with `stale`, as all that follow do, when `content` is no longer the newest reading's. */
    similarity: { params: z.extend(Units, { side: Side }), result: Similarity },
    map: { params: z.extend(Units, { projection: Projection }), result: TextMap },
    geometry: { params: Units, result: Geometry },
    /** The unit at an offset of the document, otherwise the next one; none in an empty text. */
    unitAt: {
      params: z.object({ content: z.int(), unit: Unit, offset: z.int().check(z.nonnegative()) }),
      result: z.object({ unit: z.optional(TextUnit) }),
    },
    /** The sentences of the workspace folder that are most like a text, as far as they are read; asking again reads on. */
    neighbours: {
      params: z.object({ content: z.int(), text: z.string().check(z.maxLength(1_000_000)) }),
      result: z.object({ neighbours: z.array(NeighbourInFile), indexed: z.int(), total: z.int() }),
    },
    /** Shows up to two places of a document in its editor and marks them. */
    reveal: { params: z.object({ uri: Short, spans: z.array(Span).check(z.maxLength(2)) }), result: Empty },
    /** `model` is a run or a model folder; absent: nothing is compared. */
    chooseModel: { params: z.object({ side: Side, model: z.optional(Short), checkpoint: z.optional(Short) }), result: Empty },
    /** Lets the person choose a model folder for the second side. */
    browseModel: { params: Empty, result: Empty },
    /** Puts a text on the clipboard. */
    copy: { params: z.object({ text: z.string().check(z.maxLength(1_000_000)) }), result: Empty },
    act: { params: z.object({ action: Action }), result: Empty },
  },
  events: {
    /** The runs to choose from, and what reads the file. */
    models: Models,
    /** A new document, a new version of it, another part of it, or a newer checkpoint. */
    reading: Reading,
    /** Where the editor's cursor stands in the document of the reading. */
    cursor: z.object({ offset: z.int().check(z.nonnegative()) }),
    /** In place of a reading. */
    notice: Notice,
  },
} as const;
