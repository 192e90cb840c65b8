import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openFile, runCommand } from '../support/workbench.mjs';
import { scenario } from './scenario.mjs';
import { DashboardView, notification, storedRuns, until } from './views.mjs';

/** Contrastive learning has next to no say. */
const DROWNED = JSON.stringify({
  corpus: { include: ['moby-dick/00*.md'] },
  tokenizer: { vocabularySize: 1000 },
  model: 'tiny',
  objectives: [
    { type: 'mlm', batchSize: 8, sequenceLength: 32 },
    { type: 'contrastive', weight: 0.0001, batchSize: 8, sequenceLength: 32 },
  ],
  training: { steps: 100_000 },
});

scenario('Objectives', {}, (session) => {
  it('are offered with what they need and are good for, and written as an experiment', async () => {
    const { page, workspace } = session();
    await runCommand(page, 'Objective Lab: New Experiment');
    const widget = page.locator('.quick-input-widget');
    const row = widget.locator('.monaco-list-row', { hasText: 'Sentence-order prediction' });
    await row.waitFor();
    assert.match(await row.innerText(), /Needs: Documents of several sentences\. Good for: /);
    await row.click();
    await widget.getByRole('button', { name: 'OK' }).click();
    await until('the name that is proposed', async () => (await widget.locator('input.input').inputValue()) === 'mlm-sop');
    await page.keyboard.press('Enter');
    const file = path.join(workspace, 'mlm-sop.lab.json');
    await until('the experiment', () => existsSync(file));
    await page.locator('.tabs-container .tab', { hasText: path.basename(file) }).waitFor();
    const types = [...readFileSync(file, 'utf8').matchAll(/"type": "(\w+)"/g)].map(([, type]) => type);
    assert.deepEqual(types, ['mlm', 'sop']);
  });

  it('of which one drowns another are named, once', async () => {
    const { page, workspace } = session();
    writeFileSync(path.join(workspace, 'drowned.lab.json'), DROWNED);
    await openFile(page, 'drowned.lab.json');
    await runCommand(page, 'Objective Lab: Start Run');
    await until('a hundred steps and more', () => (storedRuns(workspace)[0]?.metrics.at(-1)?.step ?? 0) > 120, 60_000);
    assert.match(await notification(page, 'drowns').innerText(), /"mlm" drowns "contrastive"/);
    assert.equal(await notification(page, 'drowns').count(), 1);
    assert.match(readFileSync(path.join(storedRuns(workspace)[0]?.folder ?? '', 'log.txt'), 'utf8'), /warning: "mlm" drowns/);
  });

  it('are drawn with the metric that must beat the baseline, and with how hard each pulls', async () => {
    const { frame } = await DashboardView.find(session().page);
    const region = (/** @type {string} */ name) => frame.getByRole('region', { name, exact: true });
    await until('a baseline', async () => (await region('Retrieval, Contrastive learning').innerText()).includes('chance'));
    const norms = await region('Gradient norms, Balance of the objectives').innerText();
    assert.match(norms, /mlm\s+\d.*contrastive\s+\d/s);
    assert.match(await frame.locator('.facts').innerText(), /Waiting for data\s+[\d.<]+ %/);
    await runCommand(session().page, 'Objective Lab: Stop Run');
    await until('the stop', () => storedRuns(session().workspace)[0]?.state === 'stopped');
  });
});
