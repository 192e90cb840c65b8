import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { Explained } from '../../scripts/lib/run.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const APPLICATIONS = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium'];

/**
 * The browser that the tests drive: `CHROMIUM` if set, otherwise one that is installed; as root on Linux with apt-get, it is installed.
 *
 * @returns {string} path of a Chromium or Chrome
 * @throws {Explained} that says what to install
 */
export function ensureChromium() {
  const chosen = process.env.CHROMIUM;
  if (chosen) {
    if (isExecutable(chosen)) return chosen;
    throw new Explained(`CHROMIUM names ${chosen}, which is not a program. Correct it, or unset it.`);
  }
  const found = find();
  if (found !== undefined) return found;
  if (process.platform === 'linux' && process.getuid?.() === 0 && onPath('apt-get') !== undefined) {
    console.log('Installing chromium by apt-get …');
    for (const args of [
      ['update', '-qq'],
      ['install', '-y', '-qq', '--no-install-recommends', 'chromium'],
    ]) {
      execFileSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
    }
    const installed = find();
    if (installed !== undefined) return installed;
  }
  throw new Explained(
    'The browser tests need Chromium or Google Chrome. Install one (Debian: apt-get install chromium), or name it in CHROMIUM.',
  );
}

const find = () => [...NAMES.map(onPath), ...APPLICATIONS].find((file) => file !== undefined && isExecutable(file));

/** @param {string} name */
const onPath = (name) =>
  (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find(isExecutable);

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
