import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { openFile, runCommand, webview } from '../support/workbench.mjs';
import { scenario } from './scenario.mjs';
import { until } from './views.mjs';

const NAME = 'tiny';

const Report = z.object({
  recommendations: z.array(z.object({ text: z.string() })),
  cells: z.array(z.object({ variant: z.string(), result: z.object({ mean: z.number() }) })),
});

/** @param {string} workspace */
function writeComparison(workspace) {
  const write = (/** @type {string} */ name, /** @type {unknown} */ value) =>
    writeFileSync(path.join(workspace, name), JSON.stringify(value, null, 2));
  write('small.lab.json', {
    corpus: { include: ['moby-dick/00*.md'] },
    tokenizer: { vocabularySize: 1000 },
    model: { preset: 'tiny', hiddenSize: 32, intermediateSize: 64, attentionHeads: 2, dropout: 0 },
    objectives: [{ type: 'mlm', batchSize: 8, sequenceLength: 16 }],
    training: { learningRate: 0.002, device: 'cpu' },
  });
  const pairs = Array.from({ length: 30 }, (_, i) => `The whale passed ${i}.\tThe ${i % 3 ? 'whale' : 'ship'} dived ${i % 7}.\t${i % 5}`);
  writeFileSync(path.join(workspace, 'pairs.tsv'), ['a\tb\tscore', ...pairs, ''].join('\n'));
  write(`${NAME}.compare.json`, {
    experiment: 'small.lab.json',
    variants: [{ name: 'MLM' }, { name: 'MLM, hardly trained', change: { training: { learningRate: 1e-9 } } }],
    budget: { tokens: 40 * 8 * 16 },
    seeds: 2,
    probes: [{ type: 'similarity', name: 'alike', file: 'pairs.tsv' }],
    executor: { kind: 'local', workers: 2 },
  });
}

scenario('A comparison', {}, (session) => {
  const folder = () => path.join(session().workspace, '.objective-lab', 'comparisons', NAME);
  /** @type {import('playwright-core').Frame} */
  let frame;
  const text = () => frame.locator('#root').innerText();

  it('is run from its file, with its members on show', async () => {
    writeComparison(session().workspace);
    await openFile(session().page, `${NAME}.compare.json`);
    await runCommand(session().page, 'Objective Lab: Run Comparison');
    frame = await webview(session().page, 'Comparison');
    await until(
      'four members',
      async () => (await frame.getByRole('region', { name: 'Members' }).last().locator('tbody tr').count()) === 4,
      60_000,
    );
  });

  it('fills its table, and says in words which to choose and how sure that is', async () => {
    await until('the end', async () => (await text()).includes('4 of 4 members done'), 90_000);
    const report = Report.parse(JSON.parse(readFileSync(path.join(folder(), 'report.json'), 'utf8')));
    const [recommendation] = report.recommendations;
    await until('the recommendation', async () => (await text()).includes(recommendation?.text ?? '?'));
    const rows = await frame.getByRole('region', { name: 'Results' }).last().locator('tbody tr').allInnerTexts();
    assert.equal(rows.filter((row) => /\bbest\b/.test(row) && !row.includes('≈')).length, 1);
    for (const { variant, result } of report.cells) {
      const row = rows.find((each) => each.startsWith(`${variant}\t`));
      assert.ok(row?.includes((100 * result.mean).toFixed(1)), `${row} holds the mean of ${variant}`);
    }
    assert.match(
      await frame.locator('.command-line code').innerText(),
      /^objective-lab compare \.objective-lab\/comparisons\/tiny --report$/,
    );
  });

  it('draws learning curves, and leads to the run of a member', async () => {
    await until('a curve', async () => (await frame.locator('.chart canvas').count()) > 0);
    await frame.getByRole('button', { name: 'Training chart of MLM, seed 2' }).click();
    const chart = await webview(session().page, 'Training');
    await until('the run of the member', async () => (await chart.locator('h1').innerText()).includes('mlm-seed2'));
  });

  it('is found again in the Runs view and after the window is loaded anew', async () => {
    const { page } = session();
    await page.reload();
    await runCommand(page, 'Objective Lab: Show Runs');
    const row = page.locator('.tree-explorer-viewlet-tree-view .monaco-list-row', { hasText: NAME }).first();
    await until('its row', async () => (await row.innerText()).includes('4 of 4 members done'), 60_000);
    await row.click();
    frame = await webview(page, 'Comparison');
    await until('what it showed', async () => (await text()).includes('4 of 4 members done'));
    assert.equal(readdirSync(path.join(folder(), 'runs')).length, 4);
    assert.ok(existsSync(path.join(folder(), 'report.md')));
  });

  it('is put beside what papers found by the advisor', async () => {
    await runCommand(session().page, 'Objective Lab: Objective Advisor');
    const advisor = await webview(session().page, 'Objective Advisor');
    await advisor.getByLabel('What the model is for').selectOption('similarity');
    await until('a measured rank', async () =>
      /Measured in tiny: MLM is number \d of 2 on alike/.test(await advisor.locator('#root').innerText()),
    );
    assert.match(await advisor.locator('#root').innerText(), /SimCSE/);
  });

  it('breaks no content security policy', () => {
    const broken = session().messages.filter((message) => /content security policy/i.test(message));
    assert.deepEqual(broken, []);
  });
});
