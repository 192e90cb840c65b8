import { Explained } from '../../scripts/lib/run.mjs';
import { aptInstall, isExecutable, onPath } from './programs.mjs';

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
  aptInstall(['chromium']);
  const installed = find();
  if (installed !== undefined) return installed;
  throw new Explained(
    'The browser tests need Chromium or Google Chrome. Install one (Debian: apt-get install chromium), or name it in CHROMIUM.',
  );
}

const find = () => [...NAMES.map(onPath), ...APPLICATIONS].find((file) => file !== undefined && isExecutable(file));
