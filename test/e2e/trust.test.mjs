import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openFile, runCommand } from '../support/workbench.mjs';
import { scenario } from './scenario.mjs';
import { until } from './views.mjs';

/** Commands that run something, or write what is to be run. */
const RUNNING = [
  'Start Run',
  'Resume Run',
  'Run Comparison',
  'Compare Objectives',
  'Open as Notebook',
  'New Exploration',
  'New Experiment',
];

const KERNEL = 'Objective Lab (TypeScript)';

/**
 * A notebook whose one cell leaves a file in the workspace, and what is in it.
 *
 * @param {string} workspace
 */
function witness(workspace) {
  const file = path.join(workspace, 'witness.txt');
  const source = `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(file)}, 'a cell ran');`;
  const cells = [{ cell_type: 'code', execution_count: null, metadata: {}, outputs: [], source }];
  const metadata = { language_info: { name: 'typescript' } };
  writeFileSync(path.join(workspace, 'witness.ipynb'), JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
  return () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
}

scenario('An untrusted workspace', { trust: true }, (session) => {
  it('has no kernel of ours, and runs no cell', async () => {
    const { page, workspace } = session();
    const trace = witness(workspace);
    await openFile(page, 'witness.ipynb');
    await page.locator('.notebook-editor .monaco-list-row').first().waitFor();
    await page.locator('.kernel-label', { hasText: 'Select Kernel' }).waitFor();
    await runCommand(page, 'Notebook: Run All');
    // VS Code itself asks first; who says no is left with a notebook that cannot be run.
    await page.locator('.monaco-dialog-box').getByRole('button', { name: 'Cancel' }).click();
    await page.waitForTimeout(1_500);
    assert.equal(await page.locator('.kernel-label', { hasText: KERNEL }).count(), 0);
    assert.equal(trace(), undefined);
  });

  it('offers what looks at things, and nothing that runs', async () => {
    const { page } = session();
    await openFile(page, 'quickstart.lab.json');
    await page.keyboard.press('F1');
    const widget = page.locator('.quick-input-widget');
    const offered = async (/** @type {string} */ title) => {
      await widget.locator('input.input').fill(`>Objective Lab: ${title}`);
      await page.waitForTimeout(400);
      const titles = await widget.locator('.label-name').allInnerTexts();
      return titles.includes(`Objective Lab: ${title}`);
    };
    await until('our commands', () => offered('Open Inspector'));
    for (const title of RUNNING) assert.equal(await offered(title), false, title);
    await page.keyboard.press('Escape');
    const button = page.locator('.editor-actions').getByRole('button', { name: 'Start Run' });
    assert.equal(await button.getAttribute('aria-disabled'), 'true');
  });

  it('says so where a model is looked through', async () => {
    const { page } = session();
    await runCommand(page, 'Objective Lab: Toggle Surprisal');
    await until('the status bar', async () =>
      /trust/i.test(await page.locator('[id="objective-lab.objective-lab.objectiveLab.surprisal"]').innerText()),
    );
    await runCommand(page, 'Objective Lab: Toggle Surprisal');
  });

  it('runs cells as soon as it is trusted', async () => {
    const { page, workspace } = session();
    const trace = witness(workspace);
    await openFile(page, 'witness.ipynb');
    await runCommand(page, 'Notebook: Run All');
    await page.locator('.monaco-dialog-box').getByRole('button', { name: 'Trust Folder & Continue' }).click();
    await page.locator('.kernel-label', { hasText: KERNEL }).waitFor();
    await runCommand(page, 'Notebook: Run All');
    await until('its trace', () => trace() === 'a cell ran');
  });
});
