import type { BatchText } from '../shared/types';
import { examplesOf, rowOf, tokensOf, type ShownExamples, type Trained } from './show';

/** How texts are compared: `views` of each of `batch` examples, first ones first. */
export interface Compared {
  readonly batch: number;
  readonly views: number;
  /** What a text is told apart from: all other texts of the batch, the other examples' later texts, or nothing. */
  readonly candidates: 'all' | 'others' | 'none';
}

/** Negatives that are shown of an example, the most alike ones: these cost it the most. */
const HARDEST = 5;

/** Examples of contrastive learning: a first text, what belongs to it, and the negatives most like it. */
export function comparedTexts(trained: Trained, { batch, views, candidates }: Compared): ShownExamples {
  const rows = batch * views;
  const { part } = trained;
  const losses = candidates === 'none' ? undefined : part('losses');
  const scores = trained.batch.scores;
  const embedding = (row: number): number[] => rowOf(part('embeddings'), rows, row);
  return examplesOf(batch, trained, (anchor) => {
    const own = embedding(anchor);
    const similarity = (row: number): number => embedding(row).reduce((sum, x, i) => sum + x * own[i]!, 0);
    const text = (row: number, role: string): BatchText => ({
      role,
      tokens: tokensOf(trained, rowOf(part('texts'), rows, row), row),
      ...(row !== anchor && { similarity: similarity(row) }),
    });
    // Of a triplet the third text is a negative that was chosen by hand.
    const positive = anchor + batch;
    const first = candidates === 'all' ? 0 : candidates === 'others' ? batch : rows;
    const negatives = Array.from({ length: rows - first }, (_, i) => first + i)
      .filter((row) => row !== anchor && row !== positive)
      .map((row) => ({ row, similarity: similarity(row) }))
      .sort((a, b) => b.similarity - a.similarity);
    const named = candidates === 'none' ? ['first', 'second'] : ['anchor', 'positive'];
    return {
      texts: [
        text(anchor, named[0]!),
        text(positive, named[1]!),
        ...negatives.slice(0, HARDEST).map(({ row }) => text(row, row - anchor === 2 * batch ? 'hard negative' : 'negative')),
      ],
      ...(candidates !== 'none' && { negatives: negatives.length }),
      ...(scores && { score: Number(scores.data[anchor]) }),
      ...(losses && { loss: Number(losses.data[anchor]) }),
    };
  });
}
