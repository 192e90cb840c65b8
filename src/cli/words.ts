import { resolve } from 'node:path';
import { Reader } from '../inspect/reader';
import { UserError } from '../shared/errors';
import { formatProbability } from '../shared/format';
import { readText } from './file';
import { grid } from './text';

const BAR_WIDTH = 24;
/** Words that are listed, the most surprising ones. */
const MOST_SURPRISING = 20;

export async function maskCommand(model: string, { text, top, json }: { text: string; top: number; json?: boolean }): Promise<void> {
  const predictions = (await new Reader(resolve(model)).fillMasks(text, top)).map(({ candidates }) =>
    candidates.map(({ token, probability }) => ({ token, probability })),
  );
  if (json) {
    process.stdout.write(`${JSON.stringify({ predictions })}\n`);
    return;
  }
  const lines = predictions.flatMap((candidates, i) => [
    ...(predictions.length > 1 ? [`[MASK] ${i + 1}`] : []),
    ...candidates.map(({ token, probability }) => `${share(probability)}  ${token}`),
  ]);
  process.stdout.write(`${[text, ...lines].join('\n')}\n`);
}

export async function surprisalCommand(model: string, file: string, { quick, json }: { quick?: boolean; json?: boolean }): Promise<void> {
  const text = readText(file);
  const words = await new Reader(resolve(model)).surprisal(text, quick ?? false);
  const [nats, pieces] = [words.reduce((sum, word) => sum + word.surprisal, 0), words.reduce((sum, word) => sum + word.pieces, 0)];
  const pseudoPerplexity = pieces > 0 ? Math.exp(nats / pieces) : undefined;
  if (json) {
    const named = words.map((word) => ({ text: text.slice(word.start, word.end), ...word }));
    process.stdout.write(`${JSON.stringify({ pseudoPerplexity, pieces, words: named })}\n`);
    return;
  }
  const listed = [...words].sort((a, b) => b.surprisal - a.surprisal).slice(0, MOST_SURPRISING);
  const lines = listed.map(({ start, end, surprisal }) => {
    const before = text.slice(0, start);
    return [
      text.slice(start, end),
      `line ${before.split('\n').length}`,
      `${surprisal.toFixed(2)} nats`,
      formatProbability(Math.exp(-surprisal)),
    ];
  });
  process.stdout.write(`pseudo-perplexity ${pseudoPerplexity?.toFixed(2) ?? '–'} over ${pieces} tokens in ${words.length} words\n`);
  if (lines.length > 0) process.stdout.write(`${grid(lines, [0, 1])}\n`);
}

export async function attentionCommand(
  model: string,
  { text, token, layer, head, json }: { text: string; token: number; layer: number; head: number; json?: boolean },
): Promise<void> {
  const reader = new Reader(resolve(model));
  const [tokens, attention] = [await reader.tokenize(text), await reader.attention(text, token - 1, layer - 1, [])];
  const { from, to, heads, weights } = attention;
  if (head > heads)
    throw new UserError(`The model has ${heads} attention heads, and head ${head} was asked for.`, 'They are numbered from 1.', 'text');
  const size = to - from;
  const row = ((head - 1) * size + (token - 1 - from)) * size;
  const seen = tokens.slice(from, to).map((each, i) => ({ token: each.token, weight: weights[row + i]! }));
  if (json) process.stdout.write(`${JSON.stringify({ token: tokens[token - 1]!.token, layer, head, seen })}\n`);
  else process.stdout.write(`${seen.map((each) => `${share(each.weight)}  ${each.token}`).join('\n')}\n`);
}

const share = (probability: number): string =>
  `${(100 * probability).toFixed(1).padStart(5)} %  ${'█'.repeat(Math.round(BAR_WIDTH * probability)).padEnd(BAR_WIDTH)}`;
