import { chromium } from 'playwright-core';
import { ensureChromium } from './chromium.mjs';

/** @typedef {import('playwright-core').Page} Page */

const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const launchBrowser = () => chromium.launch({ executablePath: ensureChromium(), args: QUIET });

/**
 * The address of a window on a folder.
 *
 * @param {string} host as `startServer` gives it
 * @param {string} folder absolute path
 * @param {{ extension: string, tests: string, env: Record<string, string> }} [development] folders to load an extension and the suite in its
 *   host from; heeded by a server with `driver` only
 */
export function workbenchUrl(host, folder, development) {
  const remote = (/** @type {string} */ path) => `vscode-remote://${host}${path}`;
  const payload = [
    ['skipWelcome', 'true'],
    ['skipReleaseNotes', 'true'],
    ...(development
      ? [
          ['extensionDevelopmentPath', remote(development.extension)],
          ['extensionTestsPath', remote(development.tests)],
          ['extensionEnvironment', JSON.stringify(development.env)],
        ]
      : []),
  ];
  return `http://${host}/?folder=${encodeURIComponent(folder)}&payload=${encodeURIComponent(JSON.stringify(payload))}`;
}

/**
 * Waits until extensions have contributed their commands and a view of the side bar shows something: before that, half of the workbench does not work.
 *
 * @param {Page} page
 */
export async function workbenchReady(page) {
  const marks = ['code/didStartWorkbench', 'code/didLoadExtensions'];
  await page.waitForFunction((names) => names.every((name) => performance.getEntriesByName(name).length > 0), marks, { timeout: 60_000 });
  // A window that is loaded anew may open another view.
  await page.locator(':is(.explorer-folders-view, .tree-explorer-viewlet-tree-view) .monaco-list-row').first().waitFor();
}

/**
 * Runs a command from the command palette.
 *
 * @param {Page} page
 * @param {string} title as the palette shows it: `Category: Title`
 */
export async function runCommand(page, title) {
  const exactly = new RegExp(`^${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  await choose(page, 'F1', `>${title}`, page.locator('.label-name', { hasText: exactly }));
}

/**
 * Opens a file by its name through Quick Open.
 *
 * @param {Page} page
 * @param {string} name
 */
export async function openFile(page, name) {
  await choose(page, 'Control+p', name, page.locator('.label-name', { hasText: name }));
  await page.locator('.tabs-container .tab', { hasText: name }).waitFor();
}

/**
 * Types into the quick input and takes the row that holds `label`.
 *
 * @param {Page} page
 * @param {string} keys what opens the quick input
 * @param {string} text
 * @param {import('playwright-core').Locator} label
 */
async function choose(page, keys, text, label) {
  const widget = page.locator('.quick-input-widget');
  const row = widget.locator('.quick-input-list .monaco-list-row').filter({ has: label }).first();
  // The list is made when it opens: a command or a file that was not known yet needs another opening. A window that is still being loaded closes
  // it again.
  for (let attempt = 1; ; attempt++) {
    await page.keyboard.press(keys);
    try {
      await widget.locator('input.input').fill(text, { timeout: 2_500 });
      await row.waitFor({ timeout: 2_500 });
      break;
    } catch (error) {
      if (attempt === 6) throw error;
      await page.keyboard.press('Escape');
      await widget.waitFor({ state: 'hidden' });
    }
  }
  await row.click();
}

/** How long a webview is waited for before the window is asked to load its webviews anew, in milliseconds; and how often. */
const WEBVIEW_PATIENCE = 20_000;
const WEBVIEW_ATTEMPTS = 3;

/**
 * The document of an extension's webview, by its title. It sits in two frames of VS Code's own, which are replaced when the view moves or reloads.
 *
 * @param {Page} page
 * @param {string} title
 * @param {number} [every] how often it is looked for, in milliseconds
 * @returns {Promise<import('playwright-core').Frame>}
 */
export async function webview(page, title, every = 100) {
  for (let attempt = 1; ; attempt++) {
    for (const end = Date.now() + WEBVIEW_PATIENCE; Date.now() < end;) {
      const titles = await Promise.all(page.frames().map(async (frame) => ({ frame, title: await titleOf(frame) })));
      const found = titles.find((each) => each.frame !== page.mainFrame() && each.title === title);
      if (found) return found.frame;
      await page.waitForTimeout(every);
    }
    if (attempt === WEBVIEW_ATTEMPTS) {
      throw new Error(
        `No webview is called ${title}. The frames: ${page
          .frames()
          .map((frame) => frame.url().slice(0, 120))
          .join(' ')}`,
      );
    }
    // On a busy machine VS Code now and then loses a webview whose service worker came late; this is its own remedy.
    console.log(`    (${title} does not show: the webviews are loaded anew)`);
    await runCommand(page, 'Developer: Reload Webviews');
  }
}

/**
 * A frame that is being replaced has no title and would be waited for.
 *
 * @param {import('playwright-core').Frame} frame
 */
const titleOf = (frame) => Promise.race([frame.title().catch(() => ''), new Promise((resolve) => setTimeout(resolve, 1_000, ''))]);
