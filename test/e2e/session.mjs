import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { applyEdits, modify } from 'jsonc-parser';
import { installWorkbench } from '../../scripts/install-workbench.mjs';
import { root, samples } from '../../scripts/lib/paths.mjs';
import { Explained } from '../../scripts/lib/run.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { launchBrowser, workbenchReady, workbenchUrl } from '../support/workbench.mjs';
import { storedRuns } from './views.mjs';

const OUTPUT = path.join(root, 'test', 'e2e', 'output');

/**
 * A copy of the samples in a workbench with the packaged extension, and a browser window on it.
 *
 * @typedef {Awaited<ReturnType<typeof startSession>>} Session
 */

/**
 * @param {{ training?: Record<string, number>, settings?: Record<string, unknown>, trust?: boolean, extensions?: readonly string[],
 *   viewport?: { width: number, height: number } }} [options]
 *   `training`: what the copied quick-start experiment should do differently; `trust`: the workspace is not trusted until somebody says so; `extensions`: others
 *   to install, packaged
 * @throws {Explained} that names the command to run first when the extension is not packaged
 */
export async function startSession({
  training = {},
  settings = {},
  trust = false,
  extensions = [],
  viewport = { width: 1500, height: 950 },
} = {}) {
  const ours = packagedExtension();
  installWorkbench();
  const workspace = mkdtempSync(path.join(tmpdir(), 'objective-lab-samples-'));
  cpSync(samples, workspace, { recursive: true, filter: (file) => !file.includes('.objective-lab') });
  changeExperiment(path.join(workspace, 'quickstart.lab.json'), training);
  const server = await startServer({ extensions: [ours, ...extensions], settings, trust });
  const browser = await launchBrowser();
  const page = await browser.newPage({ viewport });
  page.setDefaultTimeout(20_000);
  /** @type {string[]} */
  const messages = [];
  page.on('console', (message) => messages.push(`${message.type()}: ${message.text()} (${message.location().url})`));
  page.on('pageerror', (error) => messages.push(`pageerror: ${error.stack ?? error.message}`));

  const stop = async () => {
    await browser.close();
    await server.stop();
    // A run may outlive its window.
    for (const { pid } of storedRuns(workspace)) {
      try {
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    rmSync(workspace, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await page.goto(workbenchUrl(server.host, workspace));
    await workbenchReady(page);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    page,
    workspace,
    /** What the window and everything in it wrote to the console. */
    messages,
    stop,
    /** @param {string} name */
    keepPicture: async (name) => {
      mkdirSync(OUTPUT, { recursive: true });
      const file = path.join(OUTPUT, `${name.replace(/[^\w-]+/g, '-')}.png`);
      await page.screenshot({ path: file });
      return path.relative(root, file);
    },
  };
}

/** The VSIX that was made last. */
function packagedExtension() {
  const made = readdirSync(root).filter((name) => /^objective-lab.*\.vsix$/.test(name));
  const [newest] = made.map((name) => path.join(root, name)).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (newest === undefined) throw new Explained('The extension is not packaged: run `npm run package` first.');
  return newest;
}

/**
 * @param {string} file
 * @param {Record<string, number>} training
 */
function changeExperiment(file, training) {
  let text = readFileSync(file, 'utf8');
  for (const [field, value] of Object.entries(training)) text = applyEdits(text, modify(text, ['training', field], value, {}));
  writeFileSync(file, text);
}
