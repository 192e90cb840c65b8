import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { architectureOf, lacksPooler, type Architecture } from '../model/architecture';
import type { Pooling } from '../model/heads';
import { decoderModel, encoderModel } from '../model/inference';
import { encodeSafetensors } from '../model/safetensors';
import type { ObjectiveOptions } from '../objectives';
import { diskError, UserError } from '../shared/errors';
import type { ExportFormat } from '../shared/types';
import { loadRun, RECORD, type LoadedRun } from '../train/experiment';
import { readMetrics, summarise } from '../train/run';
import { attempt, disk, writeFile } from '../train/storage';
import { modelCard } from './model-card';
import { openModel, type OpenedModel } from './model';

/** What an export left: its folder and the names of its files. */
export interface Exported {
  readonly folder: string;
  readonly files: string[];
  /** The class of transformers that opens it. */
  readonly architecture: string;
}

type Contents = string | readonly Uint8Array[];

/** What is exported, and what is known of it. */
export interface Subject {
  readonly model: OpenedModel;
  readonly run: LoadedRun | undefined;
  /** The objectives that the model was trained with so far. */
  readonly objectives: readonly ObjectiveOptions[];
  readonly architecture: Architecture;
  /** How token states become sentence vectors, if those were trained and the class gives the states. */
  readonly pooling: Pooling | undefined;
}

/**
 * Writes a run's newest model, or one of its checkpoints, as a folder that other programs open: `hf` for transformers, sentence-transformers and
 * transformers.js; `onnx` for the ONNX files with their tokenizer alone; `safetensors` without them.
 *
 * @param folder must not exist yet, or be empty; it appears as a whole or not at all
 * @throws UserError (code `model`, `checkpoint`, `run`, `export` or `disk`)
 */
export function exportModel(path: string, folder: string, format: ExportFormat): Exported {
  const target = resolve(folder);
  if (existsSync(target) && !isEmptyFolder(target))
    throw new UserError(`${target} exists already.`, 'Name a folder that does not exist, or an empty one.', 'export');
  const subject = subjectOf(path);
  const files = filesOf(subject, format);
  writeFolder(target, files);
  return { folder: target, files: [...files.keys()], architecture: subject.architecture.name };
}

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

/** Writes the files beside the folder and renames them into its place. @throws UserError (code `disk`) */
function writeFolder(target: string, files: ReadonlyMap<string, Contents>): void {
  const temporary = `${target}.${randomUUID().slice(0, 8)}.partial`;
  try {
    mkdirSync(dirname(target), { recursive: true });
    for (const [name, contents] of files) {
      mkdirSync(dirname(join(temporary, name)), { recursive: true });
      writeFile(join(temporary, name), contents, disk);
    }
    disk.remove(target);
    disk.rename(temporary, target);
    disk.syncFolder(dirname(target));
  } catch (error) {
    attempt(() => disk.remove(temporary));
    throw diskError(target, error);
  }
}

function subjectOf(path: string): Subject {
  const model = openModel(path);
  const run = runOf(path);
  const objectives = run ? trainedBy(model.step, run) : [];
  const { config, parameters, tokenizer, writing } = model;
  const { pad, cls, sep } = tokenizer.special;
  const architecture = architectureOf(typesOf(model, objectives), {
    config,
    parameters,
    padId: pad,
    clsId: cls,
    sepId: sep,
    decoderLayers: writing?.stack.layers,
  });
  // A causal model looks back only, and a decoder's encoder is not by itself: neither gives the states that sentence vectors were trained on.
  const states = architecture.task === 'fill-mask' || architecture.task === 'feature-extraction';
  return { model, run, objectives, architecture, pooling: states ? poolingOf(objectives) : undefined };
}

/** The run behind a path: its own folder, or that of a checkpoint. */
function runOf(path: string): LoadedRun | undefined {
  const folder = [path, dirname(dirname(path))].find((each) => existsSync(join(each, RECORD)));
  return folder === undefined ? undefined : loadRun(folder);
}

/** The objectives of the phases that have begun by a step; without phases, all. */
function trainedBy(step: number | undefined, { experiment, run }: LoadedRun): readonly ObjectiveOptions[] {
  const { objectives, combination } = experiment;
  const steps = summarise(run)?.steps;
  if (combination.kind !== 'phases' || step === undefined || steps === undefined) return objectives;
  let share = 0;
  const begun = combination.phases.flatMap((phase) => {
    const start = Math.round(share * steps);
    share += phase.share;
    return start < step ? phase.objectives : [];
  });
  return objectives.filter(({ type }) => begun.includes(type));
}

function typesOf({ predicts, writing }: OpenedModel, objectives: readonly ObjectiveOptions[]): string[] {
  // Of a model from elsewhere nothing is known but its tensors.
  if (objectives.length === 0) return predicts ? ['mlm'] : writing ? ['clm'] : [];
  // TSDAE's decoder sees one vector, which no class of transformers gives it; what it leaves is the encoder.
  return objectives.flatMap((options) => (isTsdae(options) ? [] : [options.type]));
}

const isTsdae = (options: ObjectiveOptions): boolean => options.type === 'seq2seq' && options.task === 'tsdae';

/** How the objectives make sentence vectors, if one does. */
function poolingOf(objectives: readonly ObjectiveOptions[]): Pooling | undefined {
  const contrastive = objectives.find((options) => options.type === 'contrastive');
  return contrastive?.pooling ?? (objectives.some(isTsdae) ? 'mean' : undefined);
}

function filesOf(subject: Subject, format: ExportFormat): Map<string, Contents> {
  const { model, architecture, pooling } = subject;
  const files = new Map<string, Contents>([
    ['config.json', json(architecture.config)],
    ['tokenizer.json', model.tokenizer.json],
    ['tokenizer_config.json', json(tokenizerConfig(subject))],
  ]);
  const add = (entries: Readonly<Record<string, unknown>>): void =>
    Object.entries(entries).forEach(([name, value]) => files.set(name, json(value)));
  if (model.writing && architecture.task.endsWith('generation'))
    add({ 'generation_config.json': generationConfig(model, model.writing.longest) });
  if (format !== 'onnx') files.set('model.safetensors', encodeSafetensors(architecture.tensors));
  if (format !== 'safetensors') for (const [name, bytes] of onnxFiles(subject)) files.set(`onnx/${name}`, [bytes]);
  if (format === 'hf') {
    if (pooling) add(sentenceTransformer(subject, pooling));
    const summary = subject.run && summarise(subject.run.run);
    const evaluations = subject.run ? readMetrics(subject.run.run, -1, Infinity).filter((line) => line.eval) : [];
    const measured = evaluations.findLast(({ step }) => step <= (model.step ?? Infinity));
    files.set('README.md', modelCard({ ...subject, summary, measured, files: [...files.keys()] }));
  }
  return files;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The model as ONNX, under the names that Hugging Face's exporters give the files. */
function onnxFiles({ model, architecture: { task } }: Subject): [string, Uint8Array][] {
  const { config, parameters, writing } = model;
  const encoder = encoderModel(config, parameters, {
    predicts: task === 'fill-mask' || task === 'text-generation',
    causal: task === 'text-generation',
  });
  if (task !== 'text2text-generation') return [['model.onnx', encoder]];
  return [
    ['encoder_model.onnx', encoder],
    ['decoder_model.onnx', decoderModel(config, parameters, writing!)],
  ];
}

/** Tells transformers to take `tokenizer.json` as it is. */
function tokenizerConfig({ model: { tokenizer, context }, architecture }: Subject): object {
  const named = Object.entries(tokenizer.special).flatMap(([name, id]: [string, number | undefined]) =>
    id === undefined ? [] : [[`${name}_token`, tokenizer.token(id)]],
  );
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: context,
    // MPNet has no token types, and does not take them.
    model_input_names: ['input_ids', ...(architecture.config.model_type === 'mpnet' ? [] : ['token_type_ids']), 'attention_mask'],
    clean_up_tokenization_spaces: false,
    ...(Object.fromEntries(named) as object),
  };
}

/** Where writing begins and ends. */
function generationConfig({ tokenizer }: OpenedModel, longest: number): object {
  const { pad, cls, sep } = tokenizer.special;
  return { bos_token_id: cls, decoder_start_token_id: cls, eos_token_id: sep, pad_token_id: pad, max_length: longest };
}

/** The files by which sentence-transformers knows how sentence vectors are made. */
function sentenceTransformer({ model: { config, context }, architecture }: Subject, pooling: Pooling): Record<string, unknown> {
  return {
    'modules.json': [
      { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
      { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
    ],
    'sentence_bert_config.json': {
      max_seq_length: context,
      do_lower_case: false,
      ...(lacksPooler(architecture) && { model_args: { add_pooling_layer: false } }),
    },
    '1_Pooling/config.json': {
      word_embedding_dimension: config.hiddenSize,
      pooling_mode_cls_token: pooling === 'cls',
      pooling_mode_mean_tokens: pooling === 'mean',
    },
  };
}
