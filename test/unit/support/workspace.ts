import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from './random';

const SUBJECTS = ['the whale', 'a sailor', 'the old captain', 'our ship', 'the grey sea', 'a gull', 'the harpooneer', 'the mate'];
const VERBS = ['watched', 'followed', 'feared', 'forgot', 'remembered', 'passed', 'called', 'struck'];
const PLACES = ['at dawn', 'in the night', 'off the cape', 'without a word', 'under the mast', 'before the storm'];

/** A sentence of a small, regular language: enough to learn something from. */
function sentence(random: Random): string {
  const text = `${random.pick(SUBJECTS)} ${random.pick(VERBS)} ${random.pick(SUBJECTS)} ${random.pick(PLACES)}.`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A temporary folder with a few documents and an experiment small enough for a test. */
export function makeWorkspace(
  experiment: object = {},
  documents = 12,
  sentences = 60,
): { folder: string; experiment: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'objective-lab-'));
  const random = new Random(7);
  mkdirSync(join(folder, 'text'));
  for (let i = 0; i < documents; i++)
    writeFileSync(join(folder, 'text', `${i}.md`), Array.from({ length: sentences }, () => sentence(random)).join(' '));
  const path = join(folder, 'small.lab.json');
  const base = {
    corpus: { include: ['text/*.md'], heldOut: 0.2 },
    tokenizer: { vocabularySize: 200 },
    model: { layers: 1, hiddenSize: 32, attentionHeads: 2, maxPositions: 64 },
    objectives: [
      { type: 'mlm', batchSize: 8, sequenceLength: 32 },
      { type: 'contrastive', weight: 0.1, batchSize: 4, sequenceLength: 16 },
    ],
    training: { steps: 12, device: 'cpu', evaluateEvery: 6, checkpointEvery: 5, learningRate: 0.003 },
  };
  writeFileSync(path, JSON.stringify({ ...base, ...experiment }));
  return { folder, experiment: path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
