// Writes the folder to carry to a machine with a GPU. README.md tells the rest.
//   npm run build && node bench/gpu/make.mjs FOLDER --cuda FOLDER_OF_THE_PROVIDER [--part-size 60M]
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cuda: { type: 'string' },
    'part-size': { type: 'string', default: '60M' },
    program: { type: 'string', default: join(here, '..', '..', 'dist', 'cli.js') },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('Name the folder to write.');

const cuda = options.cuda === undefined ? [] : ['--cuda', options.cuda];
execFileSync(process.execPath, [options.program, 'bundle', folder, '--part-size', options['part-size'], ...cuda], { stdio: 'inherit' });
for (const name of ['run.sh', 'README.md']) copyFileSync(join(here, name), join(folder, name));
cpSync(join(here, '..', 'peers', 'pytorch'), join(folder, 'pytorch'), {
  recursive: true,
  filter: (path) => !/\.venv|__pycache__/.test(path),
});
console.log(`Measure there with ${join(folder, 'run.sh')}`);
