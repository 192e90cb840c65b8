import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, samples } from '../../scripts/lib/paths.mjs';
import { Explained } from '../../scripts/lib/run.mjs';

const CHAPTERS = ['001-loomings.md', '003-the-spouter-inn.md', '009-the-sermon.md', '036-the-quarter-deck.md'];

/** The built extension and its bundled suite. @throws {Explained} that names the command to run first */
export function builtExtension() {
  const tests = path.join(root, 'dist', 'test', 'index.js');
  if (!existsSync(tests)) throw new Explained('There is no dist/test/index.js: run `npm run build` first.');
  return { extension: root, tests };
}

/** A workspace of its own for one execution of the suite: four chapters (about 70 kB), and a folder without text. */
export function makeWorkspace() {
  const folder = mkdtempSync(path.join(tmpdir(), 'objective-lab-suite-'));
  const text = path.join(folder, 'text');
  for (const chapter of CHAPTERS) cpSync(path.join(samples, 'moby-dick', chapter), path.join(text, chapter));
  mkdirSync(path.join(folder, 'empty'));
  writeFileSync(path.join(folder, 'empty', 'nothing.lab.json'), '{ "objectives": [{ "type": "mlm" }] }\n');
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) };
}
