import { resolve } from 'node:path';
import { generate } from '../inspect/generate';

interface Options {
  readonly text: string;
  readonly beams: number;
  readonly tokens?: number;
  readonly lengthPenalty: number;
  readonly json?: boolean;
}

export async function generateCommand(model: string, { text, beams, tokens, lengthPenalty, json }: Options): Promise<void> {
  const texts = await generate(resolve(model), text, { beams, longest: tokens, lengthPenalty });
  if (json) {
    const described = texts.map(({ text: written, logProbability, score }) => ({ text: written, logProbability, score }));
    process.stdout.write(`${JSON.stringify({ texts: described })}\n`);
    return;
  }
  process.stdout.write(`${texts[0]!.text}\n`);
}
