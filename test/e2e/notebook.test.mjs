import assert from 'node:assert/strict';
import { openFile, runCommand } from '../support/workbench.mjs';
import { scenario } from './scenario.mjs';
import { notebookOutputs, storedRuns, until } from './views.mjs';

/** @typedef {import('playwright-core').Page} Page */

/**
 * The cell of a notebook that begins with a text.
 *
 * @param {Page} page
 * @param {string} text
 */
const cell = (page, text) => page.locator('.notebook-editor .monaco-list-row', { hasText: text }).first();

/**
 * Makes the notebook scroll until something in its outputs can be seen.
 *
 * @param {Page} page
 * @param {() => Promise<boolean>} seen
 */
async function scrollUntil(page, seen) {
  const { x = 0, y = 0, width = 0, height = 0 } = (await page.locator('.notebook-editor').first().boundingBox()) ?? {};
  await page.mouse.move(x + width / 2, y + height / 2);
  await until('it comes into view', async () => {
    if (await seen()) return true;
    await page.mouse.wheel(0, 300);
    return false;
  });
}

/**
 * Replaces what a cell holds, and runs it.
 *
 * @param {Page} page
 * @param {string} before
 * @param {string} after
 */
async function rewrite(page, before, after) {
  await cell(page, before).locator('.view-lines').first().click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(after);
  await page.keyboard.press('Shift+Enter');
}

scenario('A notebook', {}, (session) => {
  it('runs from its first cell to its last, with a live chart and heatmaps', async () => {
    const { page, workspace } = session();
    await openFile(page, 'contrastive-learning.ipynb');
    await page.locator('.kernel-label', { hasText: 'Objective Lab (TypeScript)' }).waitFor();
    await runCommand(page, 'Notebook: Run All');
    const outputs = notebookOutputs(page);
    await until('two runs', () => storedRuns(workspace).filter(({ state }) => state === 'completed').length === 2, 90_000);
    const seen = (/** @type {string} */ selector, /** @type {number} */ least) => async () => {
      const found = outputs.locator(selector);
      const sizes = await found.evaluateAll((all) =>
        all.map((each) => each.getBoundingClientRect().width * each.getBoundingClientRect().height),
      );
      return sizes.filter((size) => size > 1000).length >= least;
    };
    await scrollUntil(page, seen('.curve .chart canvas', 1));
    await scrollUntil(page, seen('.heatmap .area canvas', 1));
    await scrollUntil(page, async () => (await outputs.locator('.grid', { hasText: 'with negatives' }).count()) > 0);
    assert.ok((await outputs.locator('.grid', { hasText: 'with negatives' }).textContent())?.includes('uniformity'));
  });

  it('shows what becomes of a cell that is edited', async () => {
    const { page } = session();
    await runCommand(page, 'Notebook: Clear All Outputs');
    await scrollUntil(page, () => cell(page, 'The white whale came out').isVisible());
    await rewrite(page, 'The white whale came out', 'lab.table([{ answer: 6 * 7, known: typeof run }])');
    const row = notebookOutputs(page).locator('.grid tbody tr');
    await until('the table', async () => (await row.allInnerTexts()).some((text) => /42\s+object/.test(text)));
  });

  it('lets a loop that never ends be interrupted', async () => {
    const { page } = session();
    await rewrite(page, '6 * 7', "console.log('at work');\nwhile (true);");
    await until('its first line', async () => (await notebookOutputs(page).getByText('at work').count()) > 0);
    await runCommand(page, 'Notebook: Interrupt');
    await until('the error', async () => (await notebookOutputs(page).getByText('The cell was interrupted.').count()) > 0);
  });

  it('forgets its variables with a restart', async () => {
    const { page } = session();
    await page
      .locator('.notebook-toolbar-container')
      .getByRole('button', { name: /Restart/ })
      .first()
      .click();
    await rewrite(page, 'while (true)', 'lab.table([{ known: typeof run }])');
    const row = notebookOutputs(page).locator('.grid tbody tr');
    await until('the table', async () => (await row.allInnerTexts()).includes('undefined'));
  });
});
