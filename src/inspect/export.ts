import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { architectureOf, type Architecture } from '../model/architecture';
import { inferenceModel } from '../model/inference';
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

/**
 * Writes a run's newest model, or one of its checkpoints, as a folder that other programs open: `hf` for transformers, sentence-transformers and
 * transformers.js; `onnx` for the ONNX file with its tokenizer alone; `safetensors` without it.
 *
 * @param folder must not exist yet, or be empty; it appears as a whole or not at all
 * @throws UserError (code `model`, `checkpoint`, `export` or `disk`)
 */
export function exportModel(path: string, folder: string, format: ExportFormat): Exported {
  const target = resolve(folder);
  if (existsSync(target) && !isEmptyFolder(target))
    throw new UserError(`${target} exists already.`, 'Name a folder that does not exist, or an empty one.', 'export');
  const model = openModel(path);
  const run = runOf(path);
  const objectives: readonly ObjectiveOptions[] = run?.experiment.objectives ?? [];
  const architecture = architectureFor(model, objectives);
  const files = filesOf(model, architecture, objectives, format, run);
  const temporary = `${target}.partial`;
  try {
    mkdirSync(dirname(target), { recursive: true });
    disk.remove(temporary);
    for (const [name, contents] of files) {
      mkdirSync(dirname(join(temporary, name)), { recursive: true });
      writeFile(join(temporary, name), contents, disk);
    }
    disk.remove(target);
    disk.rename(temporary, target);
  } catch (error) {
    attempt(() => disk.remove(temporary));
    throw diskError(target, error);
  }
  return { folder: target, files: [...files.keys()], architecture: architecture.name };
}

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

/** The run behind a path: its own folder, or that of a checkpoint. */
function runOf(path: string): LoadedRun | undefined {
  const folder = [path, dirname(dirname(path))].find((each) => existsSync(join(each, RECORD)));
  return folder === undefined ? undefined : loadRun(folder);
}

function architectureFor(
  { config, parameters, tokenizer, predicts, writing }: OpenedModel,
  objectives: readonly ObjectiveOptions[],
): Architecture {
  const { pad, cls, sep } = tokenizer.special;
  // Of a model from elsewhere nothing is known but its tensors.
  const types = objectives.length > 0 ? objectives.map(({ type }) => type) : predicts ? ['mlm'] : [];
  return architectureOf(types, { config, parameters, padId: pad, clsId: cls, sepId: sep, decoderLayers: writing?.stack.layers });
}

function filesOf(
  model: OpenedModel,
  architecture: Architecture,
  objectives: readonly ObjectiveOptions[],
  format: ExportFormat,
  run: LoadedRun | undefined,
): Map<string, string | readonly Uint8Array[]> {
  const { tokenizer, context } = model;
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  const files = new Map<string, string | readonly Uint8Array[]>([
    ['config.json', json(architecture.config)],
    ['tokenizer.json', tokenizer.json],
    ['tokenizer_config.json', json(tokenizerConfig(model))],
  ]);
  if (format !== 'onnx') files.set('model.safetensors', encodeSafetensors(architecture.tensors));
  // A causal model and a decoder look at no more than what came before: that is another graph, with a cache.
  const hasOnnx = format !== 'safetensors' && architecture.config.is_decoder !== true;
  if (hasOnnx) {
    const name = architecture.config.is_encoder_decoder ? 'onnx/encoder_model.onnx' : 'onnx/model.onnx';
    files.set(name, [inferenceModel(model.config, model.parameters, architecture.predicts)]);
  } else if (format === 'onnx') {
    throw new UserError(`A causal language model is not written as ONNX.`, 'Use --format hf or safetensors.', 'export');
  }
  const contrastive = objectives.find((options) => options.type === 'contrastive');
  if (format === 'hf') {
    if (contrastive && architecture.isBert)
      for (const [name, value] of Object.entries(sentenceTransformer(model.config.hiddenSize, contrastive.pooling, context)))
        files.set(name, json(value));
    const summary = run && summarise(run.run);
    const measured = run && readMetrics(run.run, -1, 1_000_000).findLast((line) => line.eval && line.step <= (model.step ?? Infinity));
    files.set(
      'README.md',
      modelCard({
        model,
        architecture,
        objectives,
        run,
        summary,
        measured,
        hasOnnx,
        sentences: contrastive !== undefined && architecture.isBert,
      }),
    );
  }
  return files;
}

/** Tells transformers to take `tokenizer.json` as it is. */
function tokenizerConfig({ tokenizer, context }: OpenedModel): object {
  const { special } = tokenizer;
  const named = Object.entries(special).flatMap(([name, id]: [string, number | undefined]) =>
    id === undefined ? [] : [[`${name}_token`, tokenizer.token(id)]],
  );
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: context,
    model_input_names: ['input_ids', 'token_type_ids', 'attention_mask'],
    clean_up_tokenization_spaces: false,
    ...(Object.fromEntries(named) as object),
  };
}

/** The files by which sentence-transformers knows how sentence vectors are made. */
const sentenceTransformer = (width: number, pooling: 'mean' | 'cls', context: number): Record<string, unknown> => ({
  'modules.json': [
    { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
    { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
  ],
  'sentence_bert_config.json': { max_seq_length: context, do_lower_case: false },
  '1_Pooling/config.json': {
    word_embedding_dimension: width,
    pooling_mode_cls_token: pooling === 'cls',
    pooling_mode_mean_tokens: pooling === 'mean',
  },
});
