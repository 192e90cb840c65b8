import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openFile, runCommand, workbenchReady } from '../support/workbench.mjs';
import { scenario } from './scenario.mjs';
import { DashboardView, InspectorView, notification, runRow, storedRuns, until } from './views.mjs';

const MARKUP = [
  '<script>globalThis.ranHostileCode = true</script>',
  '<img src="x" onerror="globalThis.ranHostileCode = true">',
  '<svg onload="globalThis.ranHostileCode = true"></svg>',
  'A plain sentence stands here too. And one more of them.',
].join('\n\n');

/** As a name of a file, of a run, and as a token: elements, and Markdown with a command in it. */
const HOSTILE = '<img src=x onerror=globalThis.ranHostileCode=true>';

/**
 * A stored run once more, under a name and with words that are markup.
 *
 * @param {string} folder
 */
function hostileTwin(folder) {
  const twin = path.join(path.dirname(folder), '29991231-235959-hostile');
  cpSync(folder, twin, { recursive: true });
  rmSync(path.join(twin, 'lock.json'), { force: true });
  const status = path.join(twin, 'status.json');
  const name = `${HOSTILE} [link](command:workbench.action.quit) $(flame)`;
  const known = /** @type {object} */ (JSON.parse(readFileSync(status, 'utf8')));
  writeFileSync(status, JSON.stringify({ ...known, name, state: 'failed', message: name, startedAt: '2999-12-31T23:59:59.000Z' }));
  const tokenizer = path.join(twin, 'tokenizer.json');
  // Every word but the one that is hidden: whatever the model predicts, some are among it.
  writeFileSync(tokenizer, readFileSync(tokenizer, 'utf8').replaceAll(/"(?!id"|one")([a-z]{2,}": \d)/g, `"${HOSTILE}$1`));
}

const SETTINGS = { 'objectiveLab.whenWindowCloses': 'continue' };

scenario('Trouble', { training: { checkpointEvery: 5 }, settings: SETTINGS }, (session) => {
  it('with a corpus that holds no text is named with the way out', async () => {
    const { page, workspace } = session();
    writeFileSync(
      path.join(workspace, 'no-text.lab.json'),
      '{ "corpus": { "include": ["nothing/**"] }, "objectives": [{ "type": "mlm" }] }',
    );
    await openFile(page, 'no-text.lab.json');
    await runCommand(page, 'Objective Lab: Start Run');
    assert.match(await notification(page, 'No file in').innerText(), /nothing\/\*\*.*corpus\.include/s);
    assert.deepEqual(storedRuns(workspace), []);
  });

  it('with a trainer that is killed is named, and costs nothing but the steps since the last checkpoint', async () => {
    const { page, workspace } = session();
    await openFile(page, 'quickstart.lab.json');
    await runCommand(page, 'Objective Lab: Start Run');
    const run = await until('a checkpoint', () => storedRuns(workspace).find(({ checkpoints }) => checkpoints.length > 0), 60_000);
    assert.ok(run.pid);
    process.kill(run.pid, 'SIGKILL');
    const message = await notification(page, 'was interrupted').innerText();
    assert.match(message, /SIGKILL/);
    assert.match(message, /checkpoint of step \d+ is kept/);
    await runCommand(page, 'Objective Lab: Show Runs');
    await until('the interrupted run', async () => ((await runRow(page).getAttribute('aria-label')) ?? '').includes('interrupted'));
  });

  it('of that kind is mended by a press of a button: the run goes on from its checkpoint', async () => {
    const { page, workspace } = session();
    await notification(page, 'was interrupted').getByRole('button', { name: 'Resume' }).click();
    const [interrupted] = storedRuns(workspace);
    const before = interrupted?.checkpoints.length ?? 0;
    assert.ok(before > 0);
    await until(
      'more steps',
      () => (storedRuns(workspace)[0]?.metrics.at(-1)?.step ?? 0) > (interrupted?.metrics.at(-1)?.step ?? 0) + 5,
      60_000,
    );
    const steps = storedRuns(workspace)[0]?.metrics.flatMap(({ step, loss }) => (loss ? [step] : [])) ?? [];
    assert.deepEqual(
      steps,
      steps.map((_, i) => i + 1),
      'no step is missing, and none is there twice',
    );
  });

  it('is none for a run that is to outlive its window: it goes on, and the next window can stop it', async () => {
    const { page, workspace } = session();
    const pid = storedRuns(workspace)[0]?.pid;
    await page.reload();
    await workbenchReady(page);
    const step = () => storedRuns(workspace)[0]?.metrics.at(-1)?.step ?? 0;
    const reloaded = step();
    await until('more steps', () => step() > reloaded + 5, 60_000);
    assert.equal(storedRuns(workspace)[0]?.pid, pid);
    await runCommand(page, 'Objective Lab: Show Runs');
    await until('the running run', async () => ((await runRow(page).getAttribute('aria-label')) ?? '').includes('running'));
    const stopped = () => storedRuns(workspace)[0]?.state === 'stopped';
    await until('its end', async () => {
      if (stopped()) return true;
      // A row that is redrawn between press and release loses the click: one presses again.
      await runRow(page).hover();
      await runRow(page).getByRole('button', { name: 'Stop Run' }).click({ timeout: 3_000 });
      return until('its end', stopped, 6_000);
    });
  });

  it('in a file, such as scripts, is shown as text in the inspector and never runs', async () => {
    const { page, workspace } = session();
    writeFileSync(path.join(workspace, 'hostile.md'), MARKUP);
    await openFile(page, 'hostile.md');
    await runCommand(page, 'Objective Lab: Open Inspector');
    const inspector = await InspectorView.find(page);
    await until('the markup as tokens', async () => (await inspector.tokens.allInnerTexts()).join('').includes('script'));
    await inspector.toggle('one');
    await until('predictions', async () => (await inspector.percentages()).length > 0);
    await inspector.showSimilarity();
    await until('a heatmap', () => inspector.heatmap());
    const found = await inspector.frame.evaluate(() => ({
      ran: 'ranHostileCode' in globalThis,
      elements: document.querySelectorAll('#root :is(img, script, svg[onload], [onerror])').length,
    }));
    assert.deepEqual(found, { ran: false, elements: 0 });
  });

  it('in a name of a file or a run, or in a token that is predicted, is shown as text and never runs', async () => {
    const { page, workspace } = session();
    const run = storedRuns(workspace).find(({ checkpoints }) => checkpoints.length > 0);
    assert.ok(run);
    hostileTwin(run.folder);
    writeFileSync(path.join(workspace, `named ${HOSTILE}.md`), 'A whale swam in the sea, and one more whale swam in the bay.');
    await openFile(page, `named ${HOSTILE}.md`);
    await runCommand(page, 'Objective Lab: Show Runs');
    const row = page.locator('.tree-explorer-viewlet-tree-view .monaco-list-row', { hasText: HOSTILE }).first();
    await until('the tooltip', async () => {
      // A row that is redrawn under the pointer does not show it.
      await page.mouse.move(700, 400);
      await row.hover();
      await page.locator('.monaco-hover', { hasText: HOSTILE }).first().waitFor({ timeout: 3_000 });
      return true;
    });
    assert.equal(await page.locator('.monaco-hover a[href^="command:"], .monaco-hover a[data-href^="command:"]').count(), 0);
    await row.click();
    await page.getByRole('tab', { name: `Training: ${HOSTILE}` }).waitFor();
    const { frame: chart } = await DashboardView.find(page);
    await chart.getByRole('button', { name: 'Open Inspector' }).click();
    const inspector = await InspectorView.find(page);
    await until('the file by its name', async () => (await inspector.text()).includes(`named ${HOSTILE}.md`));
    await inspector.frame.getByRole('tab', { name: 'Tokens' }).click();
    await inspector.toggle('one');
    await until('the tokens among the predictions', async () => /ranHostileCode=true>[a-z]{2}/.test(await inspector.text()));
    for (const frame of page.frames()) {
      const found = await frame.evaluate(() => ({
        ran: 'ranHostileCode' in globalThis,
        elements: document.querySelectorAll('img[src="x"], [onerror]').length,
      }));
      assert.deepEqual(found, { ran: false, elements: 0 }, frame.url());
    }
  });
});
