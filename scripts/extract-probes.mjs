// Writes samples/probes/*.jsonl from the chapters in samples/moby-dick/; run once, when they or this script change.
//   node scripts/extract-probes.mjs
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bookProbes, chapterOf } from './lib/book-probes.mjs';
import { samples } from './lib/paths.mjs';

const book = join(samples, 'moby-dick');
const chapters = readdirSync(book)
  .filter((name) => /^\d/.test(name))
  .map((name) => chapterOf(Number.parseInt(name, 10), readFileSync(join(book, name), 'utf8')))
  // What stands before the first chapter are other people's words.
  .filter(({ number }) => number > 0);
const folder = join(samples, 'probes');
mkdirSync(folder, { recursive: true });
for (const [name, rows] of bookProbes(chapters)) {
  writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  console.log(`${String(rows.length).padStart(5)} rows  ${name}`);
}
