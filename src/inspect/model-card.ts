import { lacksPooler } from '../model/architecture';
import { objectives as registry, type ObjectiveOptions } from '../objectives';
import { compare } from '../shared/baselines';
import { formatCount, formatNats } from '../shared/format';
import type { Metrics, RunSummary } from '../shared/types';
import type { Subject } from './export';

interface Known extends Subject {
  readonly summary: RunSummary | undefined;
  /** The newest held-out measurement of the model. */
  readonly measured: Metrics | undefined;
  /** Names of the files beside the card. */
  readonly files: readonly string[];
}

/**
 * A model card (Mitchell et al., 2019, arXiv 1810.03993) as Hugging Face lays it out: what the model learned from, how, how well, and how to load it.
 * It names no path of the machine.
 */
export function modelCard(known: Known): string {
  const { architecture, run, summary, objectives, pooling } = known;
  const { config, step } = known.model;
  const tags = ['objective-lab', ...objectives.map(({ type }) => type), ...(pooling ? ['sentence-transformers'] : [])];
  const trained = step === undefined ? '' : ` for ${formatCount(step)} of ${formatCount(summary?.steps ?? step)} steps`;
  return `${[
    [
      '---',
      'library_name: transformers',
      `pipeline_tag: ${architecture.task}`,
      'license: unknown',
      'tags:',
      ...tags.map((tag) => `  - ${tag}`),
      '---',
    ].join('\n'),
    `# ${text(run?.name ?? 'model')}`,
    `\`${architecture.name}\` with ${config.layers} layers of width ${config.hiddenSize}, ${config.attentionHeads} attention heads and a vocabulary of ` +
      `${formatCount(config.vocabularySize)} tokens, pre-trained${run ? ' with Objective Lab' : ''}${trained}.`,
    ...section('Data', data(known)),
    ...section('Objectives', objectivesOf(known)),
    ...section('Held-out metrics', metrics(known)),
    ...section('How to load it', loading(known).join('\n\n')),
    ...section(
      'Limits',
      limits(known)
        .map((line) => `- ${line}`)
        .join('\n'),
    ),
  ].join('\n\n')}\n`;
}

const section = (title: string, body: string | undefined): string[] => (body === undefined ? [] : [`## ${title}`, body]);

/** Text from files, so that it is read as nothing else. */
const text = (raw: string): string => raw.replace(/[\\`*_{}[\]<>#|!\n\r]/g, (character) => (/\s/.test(character) ? ' ' : `\\${character}`));

const code = (language: string, ...lines: string[]): string => [`\`\`\`${language}`, ...lines, '```'].join('\n');

function data({ run }: Known): string | undefined {
  if (!run) return undefined;
  const { include, exclude } = run.experiment.corpus;
  const globs = (list: readonly string[]): string => list.map((glob) => `\`${glob.replaceAll('`', "'")}\``).join(', ');
  const except = exclude.length > 0 ? ` without ${globs(exclude)}` : '';
  return `Text files ${globs(include)}${except}: ${text(run.corpus.summary)}. Documents that are held out were not trained on.`;
}

function objectivesOf({ objectives, run }: Known): string | undefined {
  if (!run) return undefined;
  const lines = objectives.map((options) => {
    const { title, papers } = registry.find(({ type }) => type === options.type)!;
    return `- **${title}** (${papers.join('; ')})\n\n  \`\`\`json\n  ${shown(options)}\n  \`\`\``;
  });
  const { learningRate, warmup, schedule, weightDecay } = run.experiment.training;
  return `${lines.join('\n')}\n\nAdamW, learning rate ${learningRate} (${schedule}, warm-up ${warmup}), weight decay ${weightDecay}, seed ${run.experiment.seed}.`;
}

/** Options as JSON. A file of rows is named without its folders, which are the machine's own. */
const shown = (options: ObjectiveOptions): string =>
  JSON.stringify(options, (key, value: unknown) => (key === 'file' && typeof value === 'string' ? value.replace(/^.*[\\/]/, '') : value));

function metrics({ summary, measured }: Known): string | undefined {
  if (!measured?.eval || !summary) return undefined;
  const baselines = new Map(compare(summary.baselines, measured.eval).map((each) => [each.metric, each]));
  const rows = Object.entries(measured.eval).map(([metric, value]) => {
    const baseline = baselines.get(metric);
    return `| ${metric} | ${formatNats(value)} | ${baseline ? `${formatNats(baseline.value)} (${baseline.by})` : ''} |`;
  });
  return `At step ${formatCount(measured.step)}; losses in nats.\n\n| metric | value | baseline |\n| --- | ---: | --- |\n${rows.join('\n')}`;
}

/** The class of transformers that finds the right one by itself, where there is one. */
const AUTO: Readonly<Record<string, string>> = {
  BertForMaskedLM: 'AutoModelForMaskedLM',
  BertForPreTraining: 'AutoModelForPreTraining',
  ElectraForPreTraining: 'AutoModelForPreTraining',
  BertForNextSentencePrediction: 'AutoModelForNextSentencePrediction',
  BertLMHeadModel: 'AutoModelForCausalLM',
  EncoderDecoderModel: 'AutoModelForSeq2SeqLM',
  MPNetForMaskedLM: 'AutoModelForMaskedLM',
  BertModel: 'AutoModel',
  MPNetModel: 'AutoModel',
};

/** What opens the model, with `FOLDER` for where it is. */
function loading({ architecture, pooling, files, run }: Known): string[] {
  const { name, task } = architecture;
  const auto = AUTO[name]!;
  const python = [
    `from transformers import AutoTokenizer, ${auto}`,
    '',
    'tokenizer = AutoTokenizer.from_pretrained("FOLDER")',
    `model = ${auto}.from_pretrained("FOLDER"${auto === 'AutoModel' && lacksPooler(architecture) ? ', add_pooling_layer=False' : ''})`,
  ];
  // A text to go on from has no end yet.
  if (task === 'text-generation') python.push('ids = tokenizer("The beginning", return_tensors="pt").input_ids[:, :-1]');
  if (task === 'text2text-generation') python.push('ids = tokenizer("A text", return_tensors="pt").input_ids');
  if (task.endsWith('generation')) python.push('print(tokenizer.decode(model.generate(ids)[0], skip_special_tokens=True))');
  const blocks = ['Python:', code('python', ...python)];
  if (pooling) {
    const lines = [
      'from sentence_transformers import SentenceTransformer',
      '',
      'vectors = SentenceTransformer("FOLDER").encode(["A sentence."])',
    ];
    blocks.push('Sentence vectors:', code('python', ...lines));
  }
  const [mask, extract] = [task === 'fill-mask', task === 'feature-extraction' || pooling !== undefined];
  if (files.includes('onnx/model.onnx') && (mask || extract))
    blocks.push(
      'JavaScript:',
      code(
        'js',
        "import { env, pipeline } from '@huggingface/transformers';",
        '',
        "env.localModelPath = 'FOLDER THAT HOLDS IT';",
        ...(mask ? ["const fill = await pipeline('fill-mask', 'FOLDER', { dtype: 'fp32' });"] : []),
        ...(extract ? ["const extract = await pipeline('feature-extraction', 'FOLDER', { dtype: 'fp32' });"] : []),
        ...(pooling ? [`const vectors = await extract(['A sentence.'], { pooling: '${pooling}', normalize: true });`] : []),
      ),
    );
  const commands = [
    ...(mask ? [`objective-lab mask FOLDER --text "the [MASK] sea"`] : []),
    ...(task === 'text-generation' ? [`objective-lab generate FOLDER --text "The beginning"`] : []),
    ...(['bert', 'mpnet'].includes(String(architecture.config.model_type)) && task !== 'text-generation'
      ? ['objective-lab similarity FOLDER FILE']
      : []),
  ];
  if (commands.length > 0) blocks.push('Objective Lab:', code('sh', ...commands));
  else if (run) blocks.push('Objective Lab reads the run itself, and not this folder.');
  return blocks;
}

function limits({ model, architecture, pooling, objectives }: Known): string[] {
  const lines = [
    `It was trained on sequences of at most ${model.context} tokens; positions beyond have embeddings that never learned anything.`,
    'It knows only the text that it was trained on, with all that is wrong in it. No licence is stated: it follows from that of the text.',
  ];
  const left = [...new Set(architecture.left.map(partOf))];
  if (left.length > 0)
    lines.push(
      `\`${architecture.name}\` has no place for all that was trained; left away: ${left.map((part) => `\`${part}\``).join(', ')}.`,
    );
  if (AUTO[architecture.name] === 'AutoModel' && lacksPooler(architecture))
    lines.push(
      'No pooler was trained. Without `add_pooling_layer=False`, transformers adds one of random numbers; the token states do not depend on it.',
    );
  if (architecture.name === 'EncoderDecoderModel')
    lines.push('transformers adds a pooler of random numbers to the encoder, which nothing reads.');
  if (!pooling && objectives.some(({ type }) => type === 'contrastive'))
    lines.push('Sentence vectors were trained as well, with attention to both sides; this class does not give them.');
  return lines;
}

/** The part of the model that a parameter belongs to, such as `bert.pooler` or `contrastive.projection`. */
const partOf = (name: string): string => {
  const [first, second] = name.split('.');
  return second === undefined || first === 'decoder' || first!.includes('_') || first === 'generator' ? first! : `${first!}.${second}`;
};
