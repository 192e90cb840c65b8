import type { Architecture } from '../model/architecture';
import type { ObjectiveOptions } from '../objectives';
import { objectives as registry } from '../objectives';
import { compare } from '../shared/baselines';
import { formatCount, formatNats } from '../shared/format';
import type { Metrics, RunSummary } from '../shared/types';
import type { LoadedRun } from '../train/experiment';
import type { OpenedModel } from './model';

interface Known {
  readonly model: OpenedModel;
  readonly architecture: Architecture;
  readonly objectives: readonly ObjectiveOptions[];
  readonly run: LoadedRun | undefined;
  readonly summary: RunSummary | undefined;
  /** The newest held-out measurement of the model. */
  readonly measured: Metrics | undefined;
  readonly hasOnnx: boolean;
  readonly sentences: boolean;
}

/**
 * A model card (Mitchell et al., 2019, arXiv 1810.03993) as Hugging Face lays it out: what the model learned from, how, how well, and how to load it.
 * It names no path of the machine.
 */
export function modelCard(known: Known): string {
  const { model, architecture, run, summary } = known;
  const { config, step } = model;
  const name = run?.name ?? 'model';
  const tags = ['objective-lab', ...known.objectives.map(({ type }) => type), ...(known.sentences ? ['sentence-transformers'] : [])];
  const task = architecture.predicts ? 'fill-mask' : 'feature-extraction';
  return `${[
    ['---', 'library_name: transformers', `pipeline_tag: ${task}`, 'tags:', ...tags.map((tag) => `  - ${tag}`), '---'].join('\n'),
    `# ${text(name)}`,
    `A ${architecture.name} with ${config.layers} layers of width ${config.hiddenSize}, ${config.attentionHeads} attention heads and a vocabulary of ` +
      `${formatCount(config.vocabularySize)} tokens, pre-trained with Objective Lab${step === undefined ? '' : ` for ${formatCount(step)} of ${formatCount(summary?.steps ?? step)} steps`}.`,
    ...section('Data', data(known)),
    ...section('Objectives', objectivesOf(known)),
    ...section('Held-out metrics', metrics(known)),
    ...section('How to load it', loading(known)),
    ...section('Limits', limits(known)),
  ].join('\n\n')}\n`;
}

const section = (title: string, body: string | undefined): string[] => (body === undefined ? [] : [`## ${title}`, body]);

/** Text from files, so that it is read as nothing else. */
const text = (raw: string): string => raw.replace(/[\\`*_{}[\]<>#|!\n\r]/g, (character) => (/\s/.test(character) ? ' ' : `\\${character}`));

function data({ run }: Known): string | undefined {
  if (!run) return undefined;
  const { include, exclude } = run.experiment.corpus;
  const globs = (list: readonly string[]): string => list.map((glob) => `\`${glob.replaceAll('`', "'")}\``).join(', ');
  const except = exclude.length > 0 ? ` without ${globs(exclude)}` : '';
  return `Text files ${globs(include)}${except}: ${text(run.corpus.summary)}. Documents that are held out were not trained on.`;
}

function objectivesOf({ objectives, run }: Known): string | undefined {
  if (objectives.length === 0) return undefined;
  const lines = objectives.map((options) => {
    const { title, papers } = registry.find(({ type }) => type === options.type)!;
    const { type, ...rest } = options;
    return `- **${title}** (\`${type}\`; ${papers.join('; ')})\n\n  \`\`\`json\n  ${JSON.stringify(rest)}\n  \`\`\``;
  });
  const { learningRate, warmup, schedule, weightDecay } = run!.experiment.training;
  return `${lines.join('\n')}\n\nAdamW, learning rate ${learningRate} (${schedule}, warm-up ${warmup}), weight decay ${weightDecay}, seed ${run!.experiment.seed}.`;
}

function metrics({ summary, measured }: Known): string | undefined {
  if (!measured?.eval || !summary) return undefined;
  const baselines = new Map(compare(summary.baselines, measured.eval).map((each) => [each.metric, each]));
  const rows = Object.entries(measured.eval).map(([metric, value]) => {
    const baseline = baselines.get(metric);
    return `| ${metric} | ${formatNats(value)} | ${baseline ? `${formatNats(baseline.value)} (${baseline.by})` : ''} |`;
  });
  return `At step ${formatCount(measured.step)}; losses in nats.\n\n| metric | value | baseline |\n| --- | ---: | --- |\n${rows.join('\n')}`;
}

function loading({ architecture, hasOnnx, sentences }: Known): string {
  const auto =
    { BertForMaskedLM: 'AutoModelForMaskedLM', BertForPreTraining: 'AutoModelForPreTraining', BertModel: 'AutoModel' }[architecture.name] ??
    architecture.name;
  // The model has no pooler of its own where nothing trained one.
  const without = architecture.name === 'BertModel' && ![...architecture.tensors.keys()].some((name) => name.includes('pooler'));
  const blocks = [
    `\`\`\`python\nfrom transformers import AutoTokenizer, ${auto}\n\ntokenizer = AutoTokenizer.from_pretrained("FOLDER")\nmodel = ${auto}.from_pretrained("FOLDER"${without ? ', add_pooling_layer=False' : ''})\n\`\`\``,
  ];
  if (sentences)
    blocks.push(
      '```python\nfrom sentence_transformers import SentenceTransformer\n\nvectors = SentenceTransformer("FOLDER").encode(["A sentence."])\n```',
    );
  if (hasOnnx && architecture.isBert) {
    const task = architecture.predicts ? 'fill-mask' : 'feature-extraction';
    blocks.push(
      `\`\`\`js\nimport { env, pipeline } from '@huggingface/transformers';\n\nenv.localModelPath = 'PARENT';\nconst run = await pipeline('${task}', 'FOLDER', { dtype: 'fp32' });\n\`\`\``,
    );
  }
  return blocks.join('\n\n');
}

function limits({ model, architecture }: Known): string {
  const lines = [
    `It was trained on sequences of at most ${model.context} tokens; positions beyond have embeddings that never learned anything.`,
    'It knows only the text that it was trained on, with all that is wrong in it. No licence is stated: it follows from that of the text.',
    ...(architecture.isBert ? [] : ['Only transformers opens this kind of model; Objective Lab itself reads the run.']),
  ];
  return lines.map((line) => `- ${line}`).join('\n');
}
