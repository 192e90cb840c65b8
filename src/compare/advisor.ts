import type { Advice, ComparisonReport, DataShape, Task } from '../shared/comparison-types';
import { LEVEL } from '../shared/comparison-words';

const PAPERS = {
  bert: 'Devlin et al., 2019. BERT. arXiv 1810.04805',
  roberta: 'Liu et al., 2019. RoBERTa. arXiv 1907.11692',
  albert: 'Lan et al., 2020. ALBERT. arXiv 1909.11942',
  electra: 'Clark et al., 2020. ELECTRA. arXiv 2003.10555',
  simcse: 'Gao et al., 2021. SimCSE. arXiv 2104.08821',
  sbert: 'Reimers & Gurevych, 2019. Sentence-BERT. arXiv 1908.10084',
  t5: 'Raffel et al., 2020. T5. arXiv 1910.10683',
  bart: 'Lewis et al., 2020. BART. arXiv 1910.13461',
  tsdae: 'Wang et al., 2021. TSDAE. arXiv 2104.06979',
  dpr: 'Karpukhin et al., 2020. Dense Passage Retrieval. arXiv 2004.04906',
  pll: 'Salazar et al., 2020. Masked Language Model Scoring. arXiv 1910.14659',
  blimp: 'Warstadt et al., 2020. BLiMP. arXiv 1912.00582',
  gpt: 'Radford et al., 2018. Improving Language Understanding by Generative Pre-Training.',
} as const;

interface Rule extends Pick<Advice, 'title' | 'reason' | 'caution'> {
  readonly objectives: readonly string[];
  /** Where only some kinds of an objective are meant: a measurement of others says nothing of it. */
  readonly kinds?: readonly string[];
  readonly papers: readonly (keyof typeof PAPERS)[];
  readonly needs?: keyof DataShape;
  /** What it loses places to. */
  readonly lessWhen?: keyof DataShape;
}

const mlm = (reason: string, caution?: string, papers: Rule['papers'] = ['bert', 'roberta']): Rule => ({
  objectives: ['mlm'],
  title: 'Masked language modelling',
  reason,
  papers,
  ...(caution !== undefined && { caution }),
});

const FROM_FILES = ['pairs', 'triplets', 'scored'];
const FROM_ONE_TEXT = ['dropout', 'augment'];
const DENOISING = ['spans', 'infilling', 'deletion', 'permutation'];

/** For each task what was found to serve it, the most promising first. */
const RULES: Readonly<Record<Task, readonly Rule[]>> = {
  classification: [
    mlm(
      'Words in context are what a label hangs on; after fine-tuning it is the strongest usual start.',
      'Its frozen sentence vectors are poor: fine-tune, or add contrastive learning.',
    ),
    {
      objectives: ['rtd'],
      title: 'Replaced-token detection',
      reason: 'Every token teaches, so that it reaches the same with less compute after fine-tuning.',
      caution: 'Its advantage was measured with far more compute than a laptop has.',
      papers: ['electra'],
    },
    {
      objectives: ['mlm', 'contrastive'],
      title: 'Masked language modelling with contrastive learning',
      reason: 'Sentence vectors that a linear head can use without fine-tuning.',
      papers: ['simcse', 'bert'],
    },
    {
      objectives: ['clm'],
      title: 'Causal language modelling',
      reason: 'The first to show that pre-training helps classification.',
      caution: 'Each token sees one side only; two-sided encoders do better at equal size.',
      papers: ['gpt', 'bert'],
    },
  ],
  pair: [
    {
      objectives: ['mlm', 'sop'],
      title: 'Masked language modelling with sentence order',
      reason: 'Order asks for coherence, where next-sentence prediction is content with the topic.',
      papers: ['albert'],
      needs: 'documents',
      lessWhen: 'short',
    },
    {
      objectives: ['mlm', 'nsp'],
      title: 'Masked language modelling with next-sentence prediction',
      reason: 'The model sees two texts together, as the task does, and has a head for them.',
      caution: 'Later work found no gain from it over longer stretches of text.',
      papers: ['bert', 'roberta'],
      needs: 'documents',
      lessWhen: 'short',
    },
    mlm('Enough for most pair tasks after fine-tuning.'),
    {
      objectives: ['rtd'],
      title: 'Replaced-token detection',
      reason: 'The same as masked language modelling at less compute, after fine-tuning.',
      papers: ['electra'],
    },
  ],
  similarity: [
    {
      objectives: ['contrastive'],
      kinds: FROM_FILES,
      title: 'Contrastive learning on pairs',
      reason: 'Pairs that belong together say what alike means.',
      papers: ['sbert', 'simcse'],
      needs: 'pairs',
    },
    {
      objectives: ['mlm', 'contrastive'],
      title: 'Masked language modelling with contrastive learning',
      reason:
        'One teaches words, the other spreads the sentences over the sphere; from nothing, contrastive learning alone knows no words.',
      papers: ['simcse'],
    },
    {
      objectives: ['contrastive'],
      kinds: FROM_ONE_TEXT,
      title: 'Contrastive learning by dropout',
      reason: 'Asks for exactly what cosine similarity needs.',
      caution: 'It was made for models that are pre-trained already.',
      papers: ['simcse'],
    },
    {
      objectives: ['seq2seq'],
      kinds: ['tsdae'],
      title: 'Denoising through one vector (tsdae)',
      reason: 'The sentence must be rebuilt from its vector alone.',
      papers: ['tsdae'],
    },
    mlm('A start to train further from.', 'Without further training its averaged vectors are worse than averaged word vectors.', [
      'bert',
      'sbert',
    ]),
  ],
  retrieval: [
    {
      objectives: ['contrastive'],
      kinds: FROM_FILES,
      title: 'Contrastive learning on pairs',
      reason: 'Questions with their answers, the others of the batch as negatives: the task itself.',
      papers: ['dpr', 'sbert'],
      needs: 'pairs',
    },
    {
      objectives: ['mlm', 'contrastive'],
      kinds: ['adjacent'],
      title: 'Masked language modelling with contrastive learning of neighbours',
      reason: 'Neighbouring sentences stand for text that belongs together where nobody paired any.',
      papers: ['simcse', 'bert'],
      lessWhen: 'short',
    },
    {
      objectives: ['contrastive'],
      kinds: FROM_ONE_TEXT,
      title: 'Contrastive learning by dropout',
      reason: 'Vectors spread over the sphere, which ranking by cosine needs.',
      papers: ['simcse'],
    },
    mlm('A start to train further from.', 'Its vectors rank poorly as they are.', ['bert', 'sbert']),
  ],
  generation: [
    {
      objectives: ['seq2seq'],
      kinds: ['pairs'],
      title: 'Sequence to sequence on pairs',
      reason: 'The task itself, if the pairs are of its kind.',
      papers: ['t5'],
      needs: 'pairs',
    },
    {
      objectives: ['seq2seq'],
      kinds: DENOISING,
      title: 'Sequence-to-sequence denoising',
      reason: 'Encoder and decoder both learn; denoising beat language modelling at equal size.',
      papers: ['t5', 'bart'],
    },
    {
      objectives: ['mlm', 'seq2seq'],
      title: 'Masked language modelling with denoising',
      reason: 'The encoder learns from more places of a text than the decoder writes.',
      caution: 'No paper that we know of measured this sum at this size: compare it.',
      papers: ['bert', 't5'],
    },
    {
      objectives: ['clm'],
      title: 'Causal language modelling',
      reason: 'Goes on from a beginning; nothing else is needed for free text.',
      caution: 'It answers a text only as a continuation of it.',
      papers: ['gpt'],
    },
  ],
  acceptability: [
    {
      objectives: ['clm'],
      title: 'Causal language modelling',
      reason: 'Gives a sentence its probability, by which pairs are told apart.',
      papers: ['blimp', 'gpt'],
    },
    mlm('Pseudo-log-likelihoods, each word from both sides, tell minimal pairs apart as well or better.', undefined, ['pll', 'bert']),
    {
      objectives: ['mlm', 'sop'],
      title: 'Masked language modelling with sentence order',
      reason: 'Keeps the masked predictions that the task needs.',
      caution: 'Nothing in sentence order speaks of grammar: expect no gain.',
      papers: ['albert'],
      needs: 'documents',
    },
  ],
};

const MISSING: Readonly<Record<keyof DataShape, string>> = {
  documents: 'It needs documents of several sentences in their order.',
  pairs: 'It needs a file of texts that belong together.',
  short: '',
};

/**
 * What is known of objectives for a task before anything is measured, the most promising first, those that the data does not admit last. It is what papers
 * found, most of them with larger models and more text: a comparison tells what holds here.
 *
 * @param reports what comparisons measured; their ranks are put beside
 */
export function advise(task: Task, data: DataShape, reports: readonly ComparisonReport[] = []): Advice[] {
  const advice = RULES[task].map(({ papers, needs, lessWhen, kinds, ...rule }) => {
    const missing = needs !== undefined && data[needs] === false;
    const measured = reports.flatMap((report) => measuredOf(rule.objectives, kinds, task, report));
    return {
      place: (missing ? 2 : 0) + (lessWhen !== undefined && data[lessWhen] ? 1 : 0),
      advice: {
        ...rule,
        objectives: [...rule.objectives],
        papers: papers.map((paper) => PAPERS[paper]),
        admissible: !missing,
        ...(missing && { why: MISSING[needs] }),
        ...(measured.length > 0 && { measured }),
      },
    };
  });
  return advice.sort((a, b) => a.place - b.place).map(({ advice: each }) => each);
}

function measuredOf(
  objectives: readonly string[],
  kinds: readonly string[] | undefined,
  task: Task,
  { name: comparison, variants, probes, cells, pairs }: ComparisonReport,
): NonNullable<Advice['measured']> {
  const key = [...objectives].sort().join();
  const isKind = (of: readonly string[] = []): boolean => kinds === undefined || of.some((kind) => kinds.includes(kind));
  const own = variants.filter((variant) => [...variant.objectives].sort().join() === key && isKind(variant.kinds));
  return probes
    .filter(({ type }) => type === task)
    .flatMap(({ name: probe }) => {
      const of = cells.filter((cell) => cell.probe === probe && cell.rank !== undefined).length;
      return own.flatMap(({ name: variant }) => {
        const rank = cells.find((cell) => cell.probe === probe && cell.variant === variant)?.rank;
        if (rank === undefined) return [];
        const tied = pairs.filter(
          (pair) => pair.probe === probe && (pair.a === variant || pair.b === variant) && pair.adjusted >= LEVEL,
        ).length;
        return [{ comparison, probe, variant, rank, of, tied }];
      });
    });
}
