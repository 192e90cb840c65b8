import type { ProbeOptionsOf } from '../experiment/probes';
import { dot, embed } from '../inspect/embeddings';
import { UserError } from '../shared/errors';
import { pearsonOf, spearmanOf } from './correlation';
import { locate } from './dataset';
import { countLeaks } from './leaks';
import type { Probe } from './probe';
import { bootstrap, type Statistic } from './statistics';
import { readTable, sample } from './table';

/** Pairs of texts that people scored. */
export const similarity: Probe<ProbeOptionsOf<'similarity'>> = {
  type: 'similarity',
  title: 'Similarity',
  description: 'How well cosine similarities of pairs of texts follow the scores that people gave them.',
  main: 'spearman',
  better: 'higher',
  metrics: { spearman: 'Correlation of the ranks.', pearson: 'Correlation of the values.' },
  papers: [
    'Cer et al., 2017. SemEval-2017 Task 1: Semantic Textual Similarity. arXiv 1708.00055',
    'Reimers et al., 2016. Task-Oriented Intrinsic Evaluation of Semantic Textual Similarity. COLING 2016',
  ],
  async run({ file, a, b, score, examples, seed }, context) {
    const rows = (await readTable(await locate(file, context), [a, b, score])).map((row, i) => ({
      texts: [row[a]!, row[b]!] as const,
      score: numberOf(row[score]!, `${file}: row ${i + 1}, column "${score}"`),
    }));
    const pairs = sample(rows, examples, seed);
    if (pairs.length < 2) throw new UserError(`${file} has a single pair.`, 'Correlations need two or more.', 'corpus');
    const vectors = await embed(
      context.model,
      pairs.flatMap(({ texts }) => texts),
      context.signal,
    );
    const cosines = pairs.map((_, i) => dot(vectors[2 * i]!, vectors[2 * i + 1]!));
    const scores = pairs.map((pair) => pair.score);
    const measure = (statistic: Statistic) => bootstrap(pairs.length, statistic, { seed });
    return {
      metrics: { spearman: measure(spearmanOf(cosines, scores)), pearson: measure(pearsonOf(cosines, scores)) },
      floor: { value: 0, by: 'random order' },
      examples: pairs.length,
      leaks: await countLeaks(
        pairs.map(({ texts }) => texts),
        undefined,
        context,
      ),
      notes: ['Cosine of mean-pooled embeddings; nothing is learnt.'],
    };
  },
};

/** @param where names the cell. @throws UserError (code `corpus`) */
export function numberOf(text: string, where: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) throw new UserError(`${where}: "${text}" is not a number.`, 'Write numbers like 3.5.', 'corpus');
  return value;
}
