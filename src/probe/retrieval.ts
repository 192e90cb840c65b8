import { setImmediate } from 'node:timers/promises';
import type { ProbeOptionsOf } from '../experiment/probes';
import { dot, embed } from '../inspect/embeddings';
import { UserError } from '../shared/errors';
import { locate } from './dataset';
import { countLeaks } from './leaks';
import { ndcg, randomNdcg, rankRelevant, recall, reciprocalRank, type Ranked } from './metrics/ranking';
import type { Probe, ProbeContext } from './probe';
import { numberOf } from './similarity';
import { bootstrap, meanOf } from './statistics';
import { normalised, readTable, sample } from './table';

/** Where MRR and nDCG stop to look, as on MS MARCO and in BEIR. */
const CUT = 10;

/** Queries, and the documents that answer them among all of the file. */
export const retrieval: Probe<ProbeOptionsOf<'retrieval'>> = {
  type: 'retrieval',
  title: 'Retrieval',
  description: 'How high the documents that answer a query rank among all, by cosine similarity to it.',
  main: 'ndcg@10',
  better: 'higher',
  metrics: {
    'ndcg@10': 'Gain of the first 10 by relevance, discounted by rank, of the most there could be (linear gain, as in trec_eval and BEIR).',
    'mrr@10': 'Mean of 1 / rank of the first relevant document, 0 beyond the 10th.',
    'recall@k': 'Share of the relevant documents among the first k; k is an option of the probe.',
  },
  papers: [
    'Thakur et al., 2021. BEIR: A Heterogenous Benchmark for Zero-shot Evaluation of Information Retrieval Models. arXiv 2104.08663',
  ],
  async run({ k, examples, seed, ...options }, context) {
    const { documents, queries: all } = await readPool(options, context);
    const queries = sample(all, examples, seed);
    const ranked = await rank(queries, documents, context);
    const mean = (of: (relevant: readonly Ranked[]) => number) => bootstrap(queries.length, meanOf(ranked.map(of)), { seed });
    const floor = ranked.reduce((sum, relevant) => sum + randomNdcg(relevant, documents.length, CUT), 0) / ranked.length;
    const texts = queries.map(({ query, gains }) => [query, ...[...gains.keys()].map((document) => documents[document]!)]);
    return {
      metrics: {
        'ndcg@10': mean((relevant) => ndcg(relevant, CUT)),
        'mrr@10': mean((relevant) => reciprocalRank(relevant, CUT)),
        [`recall@${k}`]: mean((relevant) => recall(relevant, k)),
      },
      floor: { value: floor, by: 'random order' },
      examples: queries.length,
      leaks: await countLeaks(texts, undefined, context),
      notes: [`Ranked among ${documents.length} different documents, by cosine of mean-pooled embeddings; ties count against the model.`],
    };
  },
};

interface Query {
  readonly query: string;
  /** Relevance by document, above 0. */
  readonly gains: Map<number, number>;
}

/** The different documents of a file, and its queries that one or more of them answers. */
async function readPool(
  { file, query, document, relevance }: Pick<ProbeOptionsOf<'retrieval'>, 'file' | 'query' | 'document' | 'relevance'>,
  context: ProbeContext,
): Promise<{ documents: string[]; queries: Query[] }> {
  const documents: string[] = [];
  const indices = new Map<string, number>();
  const queries = new Map<string, Query>();
  const rows = await readTable(await locate(file, context), [query, document, ...(relevance === undefined ? [] : [relevance])]);
  rows.forEach((row, i) => {
    const [asked, answer] = [row[query]!, row[document]!];
    const gain = relevance === undefined ? 1 : numberOf(row[relevance]!, `${file}: row ${i + 1}, column "${relevance}"`);
    const [question, text] = [normalised(asked), normalised(answer)];
    const index = indices.get(text) ?? documents.push(answer) - 1;
    indices.set(text, index);
    if (gain <= 0) return;
    const { gains } = queries.get(question) ?? queries.set(question, { query: asked, gains: new Map() }).get(question)!;
    gains.set(index, Math.max(gain, gains.get(index) ?? 0));
  });
  if (queries.size === 0)
    throw new UserError(
      `${file} has no query that a document answers.`,
      `Give relevant pairs a number above 0 in "${relevance}".`,
      'corpus',
    );
  return { documents, queries: [...queries.values()] };
}

async function rank(queries: readonly Query[], documents: readonly string[], { model, signal }: ProbeContext): Promise<Ranked[][]> {
  const pool = await embed(model, documents, signal);
  const asked = await embed(
    model,
    queries.map(({ query }) => query),
    signal,
  );
  const ranked: Ranked[][] = [];
  for (const [i, { gains }] of queries.entries()) {
    // Lets an abort come through.
    if (i % 64 === 0) await setImmediate();
    signal?.throwIfAborted();
    const scores = pool.map((vector) => dot(asked[i]!, vector));
    ranked.push(rankRelevant(scores, gains));
  }
  return ranked;
}
