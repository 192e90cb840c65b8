import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openFile, runCommand, workbenchReady } from '../support/workbench.mjs';
import { scenario } from './scenario.mjs';
import { InspectorView, notification, runRow, storedRuns, until } from './views.mjs';

const MARKUP = [
  '<script>globalThis.ranHostileCode = true</script>',
  '<img src="x" onerror="globalThis.ranHostileCode = true">',
  '<svg onload="globalThis.ranHostileCode = true"></svg>',
  'A plain sentence stands here too. And one more of them.',
].join('\n\n');

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
    await runRow(page).hover();
    await runRow(page).getByRole('button', { name: 'Stop Run' }).click();
    await until('its end', () => storedRuns(workspace)[0]?.state === 'stopped');
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
});
