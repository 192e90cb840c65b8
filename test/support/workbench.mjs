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
 * Waits until extensions have contributed their commands and the explorer shows the folder: before that, half of the workbench does not work.
 *
 * @param {Page} page
 */
export async function workbenchReady(page) {
  const marks = ['code/didStartWorkbench', 'code/didLoadExtensions'];
  await page.waitForFunction((names) => names.every((name) => performance.getEntriesByName(name).length > 0), marks, { timeout: 60_000 });
  await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
}

/**
 * Runs a command from the command palette.
 *
 * @param {Page} page
 * @param {string} title as the palette shows it: `Category: Title`
 */
export async function runCommand(page, title) {
  const palette = page.locator('.quick-input-widget');
  const input = palette.locator('input.input');
  const exactly = new RegExp(`^${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  const row = palette.locator('.quick-input-list .monaco-list-row').filter({ has: page.locator('.label-name', { hasText: exactly }) });
  // The list is made when the palette opens: a command that was not registered yet needs another opening.
  for (let attempt = 1; ; attempt++) {
    await page.keyboard.press('F1');
    await input.waitFor();
    await input.fill(`>${title}`);
    try {
      await row.first().waitFor({ timeout: 2_500 });
      break;
    } catch (error) {
      if (attempt === 6) throw error;
      await page.keyboard.press('Escape');
      await palette.waitFor({ state: 'hidden' });
    }
  }
  await row.first().click();
}

/**
 * Opens a file by its name through Quick Open.
 *
 * @param {Page} page
 * @param {string} name
 */
export async function openFile(page, name) {
  const palette = page.locator('.quick-input-widget');
  await page.keyboard.press('Control+p');
  await palette.locator('input.input').waitFor();
  await palette.locator('input.input').fill(name);
  await palette.locator('.quick-input-list .monaco-list-row', { hasText: name }).first().click();
  await page.locator('.tabs-container .tab', { hasText: name }).waitFor();
}

/**
 * The document of an extension's webview, by its title. It sits in two frames of VS Code's own, which are replaced when the view moves or reloads.
 *
 * @param {Page} page
 * @param {string} title
 * @returns {Promise<import('playwright-core').Frame>}
 */
export async function webview(page, title) {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    for (const frame of page.frames()) {
      if (frame.name() === 'active-frame' && (await frame.title().catch(() => '')) === title) return frame;
    }
    await page.waitForTimeout(100);
  }
  throw new Error(`No webview is called ${title}.`);
}
