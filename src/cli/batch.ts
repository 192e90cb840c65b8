import { resolve } from 'node:path';
import { trainingBatch, type BatchQuery } from '../inspect/batch';
import { formatNats } from '../shared/format';
import type { BatchExample, BatchToken } from '../shared/types';

export async function batchCommand(model: string, { json, ...query }: BatchQuery & { json?: boolean }): Promise<void> {
  const batch = await trainingBatch(resolve(model), query);
  if (json) {
    process.stdout.write(`${JSON.stringify(batch)}\n`);
    return;
  }
  const { title, step, model: checkpoint, loss, size, examples } = batch;
  const lines = examples.flatMap((example, i) => ['', `${i + 1}  ${summary(example)}`, ...example.texts.map(textLine)]);
  const left = size - examples.length;
  process.stdout.write(
    [
      `${title}: step ${step}, ${size} examples, read by the checkpoint of step ${checkpoint}: loss ${formatNats(loss)} nats`,
      ...lines,
      ...(left > 0 ? ['', `and ${left} more`] : []),
      '',
    ].join('\n'),
  );
}

const summary = ({ loss, answer, negatives, score }: BatchExample): string =>
  [
    loss !== undefined && `loss ${formatNats(loss)}`,
    negatives !== undefined && `${negatives} negatives`,
    score !== undefined && `score ${score}`,
    answer && `the second ${answer.right}; the model says that it ${answer.given} (${(100 * answer.probability).toFixed(0)} %)`,
  ]
    .filter(Boolean)
    .join(', ');

const textLine = ({ role, tokens, similarity }: BatchExample['texts'][number]): string =>
  `   ${role}${similarity === undefined ? '' : ` ${similarity.toFixed(2)}`}: ${tokens.map(written).join(' ')}`;

/** What stood in a hidden place after what stands there now, and what the model paid. */
const written = ({ token, mark, truth, loss }: BatchToken): string =>
  mark === undefined || mark === 'sentinel'
    ? token
    : `${token}{${[truth, loss !== undefined && formatNats(loss)].filter(Boolean).join(' ')}}`;
