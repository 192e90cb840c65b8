import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { root } from '../../scripts/lib/paths.mjs';
import { openFile, runCommand } from '../support/workbench.mjs';
import { scenario } from './scenario.mjs';
import { InspectorView, storedRuns, until } from './views.mjs';

const CHAPTER = '001-loomings.md';
const TRAINING = { steps: 240, checkpointEvery: 40, evaluateEvery: 40, keepCheckpoints: 10 };

scenario('The inspector', { training: TRAINING }, (session) => {
  const open = () => InspectorView.find(session().page);
  /** @param {import('playwright-core').Frame} frame */
  const cards = (frame) => frame.locator('.cards .card');

  it('opens on the text with the newest checkpoint', async () => {
    const { page, workspace } = session();
    await openFile(page, 'quickstart.lab.json');
    await runCommand(page, 'Objective Lab: Start Run');
    await until('the end of the run', () => storedRuns(workspace)[0]?.state === 'completed', 90_000);
    await runCommand(page, 'View: Close All Editors');
    await openFile(page, CHAPTER);
    await runCommand(page, 'Objective Lab: Open Inspector');
    const view = await open();
    await until('the tokens', async () => (await view.tokens.count()) > 100);
    await until('the run', async () => (await view.run()).includes('step 240'));
  });

  it('hides tokens by dragging over them, and by keyboard', async () => {
    const { page } = session();
    const { frame, tokens } = await open();
    const [first, last] = [tokens.filter({ hasText: /^years$/ }).first(), tokens.filter({ hasText: /^never$/ }).first()];
    await first.hover();
    await page.mouse.down();
    await tokens.filter({ hasText: /^ago$/ }).first().hover();
    await tokens.filter({ hasText: /^—$/ }).first().hover();
    await last.hover();
    await page.mouse.up();
    const hidden = frame.locator('.token[aria-selected="true"]');
    assert.equal(await hidden.count(), 4);
    await until('a card for each', async () => (await cards(frame).count()) === 4);
    await page.keyboard.press('Shift+ArrowRight');
    assert.equal(await hidden.count(), 5);
    await frame.getByRole('button', { name: 'Show all' }).click();
    assert.equal(await cards(frame).count(), 0);
  });

  it('tells what another word would change', async () => {
    const view = await open();
    const { frame } = view;
    await view.toggle('world');
    const card = cards(frame).first();
    await card.getByRole('textbox', { name: 'Another word in this place' }).fill('whale');
    await card.getByRole('button', { name: 'Try', exact: true }).click();
    await until('the outcome', async () => /“whale”: [\d.<]+ %, choice number [\d,]+/.test(await card.locator('.outcome').innerText()));
    const changes = await card.locator('.outcome li').allInnerTexts();
    assert.ok(changes.length > 0 && changes.every((line) => /[\d.]+ → [\d.]+ nats/.test(line)), changes.join('\n'));
    assert.ok((await frame.locator('.token.more, .token.less').count()) > 0);
    // A candidate is tried by pressing it.
    const word = card.locator('button.candidate').first();
    const name = await word.innerText();
    await word.click();
    await until('another outcome', async () => (await card.locator('.outcome').innerText()).startsWith(`“${name}”`));
  });

  it('lays attention over the text, and says it in words', async () => {
    const { frame, tokens } = await open();
    await frame.getByRole('checkbox', { name: 'Attention' }).check();
    await tokens
      .filter({ hasText: /^part$/ })
      .first()
      .hover();
    const words = frame.locator('.attention').getByRole('status');
    await until('what it looks at', async () => /^“part” looks at .+ \d+ %, /.test(await words.innerText()));
    const before = await words.innerText();
    await frame.getByRole('combobox', { name: 'Head' }).selectOption('3');
    await until('another head', async () => (await words.innerText()) !== before);
    const weights = await tokens.evaluateAll((all) =>
      all.map((token) => Number(/** @type {HTMLElement} */ (token).style.getPropertyValue('--weight'))),
    );
    assert.equal(Math.max(...weights), 1);
    await frame.getByRole('checkbox', { name: 'Attention' }).uncheck();
    assert.equal(await frame.locator('.tokens.weighed').count(), 0);
  });

  it('travels through the checkpoints of the run', async () => {
    const { page } = session();
    const view = await open();
    const slider = view.frame.getByRole('slider').first();
    const shown = async () => (await view.percentages()).slice(0, 8);
    const now = await shown();
    await slider.focus();
    await page.keyboard.press('Home');
    assert.match((await slider.getAttribute('aria-valuetext')) ?? '', /^step 40, mlm [\d.]+$/);
    const then = await until('other predictions', async () => {
      const found = await shown();
      return found.length === 8 && found.join() !== now.join() && found;
    });
    await page.keyboard.press('End');
    await until('the newest again', async () => (await shown()).join() === now.join());
    assert.notDeepEqual(then, now);
  });

  it('shows two models beside each other, and what they differ in', async () => {
    const { page } = session();
    const { frame } = await open();
    const second = frame.locator('.picker').nth(1);
    const list = second.getByRole('combobox');
    const quickstart = list.locator('option', { hasText: 'quickstart' });
    await list.selectOption(await until('the run', async () => (await quickstart.count()) > 0 && quickstart.first().getAttribute('value')));
    await frame.getByRole('slider').nth(1).focus();
    await page.keyboard.press('Home');
    const names = cards(frame).first().getByRole('heading', { level: 3 });
    await until('two columns', async () => (await names.allInnerTexts()).join() === 'quickstart, step 240,quickstart, step 40');
    await until('the difference', async () =>
      /less surprised|equally likely/.test(await cards(frame).first().locator('.difference').innerText()),
    );
    assert.ok((await cards(frame).first().locator('tr.only').count()) > 0);
  });

  it('shows the very batch of a step, for each objective', async () => {
    const { page, workspace } = session();
    const { frame } = await open();
    await frame.getByRole('tab', { name: 'Training batch' }).click();
    const line = frame.locator('.batch-panel > p.muted').first();
    await until('the batch', async () =>
      /^Masked language modelling, the first 32 of 64 examples, read by the checkpoint of step 240: loss [\d.]+ nats\.$/.test(
        await line.innerText(),
      ),
    );
    assert.ok((await frame.locator('.piece[data-mark="masked"]').count()) > 32);
    await frame.getByRole('combobox', { name: 'Objective' }).selectOption('contrastive');
    await until('the other objective', async () => (await line.innerText()).startsWith('Contrastive learning, 8 examples'));
    assert.match(await frame.locator('.examples .card').first().innerText(), /anchor.*positive\s+0\.\d+.*negative\s+-?0\.\d+/s);
    const examples = frame.locator('.examples');
    const before = await examples.innerText();
    await frame.getByRole('button', { name: 'The step before' }).click();
    await until(
      'another step',
      async () => (await frame.getByRole('spinbutton', { name: 'Step' }).inputValue()) === '238' && (await examples.innerText()) !== before,
    );

    // The command that is shown does the same.
    const command = frame.locator('.batch-panel .command-line code');
    await until('its command', async () => (await command.innerText()).includes('--step 238 --objective contrastive'));
    const [, ...args] = (await command.innerText()).split(' ');
    const cli = path.join(root, 'dist', 'cli.js');
    const said = execFileSync(process.execPath, [cli, ...args], { cwd: workspace, encoding: 'utf8' });
    assert.equal(/loss [\d.]+ nats/.exec(said)?.[0], /loss [\d.]+ nats/.exec(await line.innerText())?.[0]);
    await page.keyboard.press('Escape');
  });

  it('has a place for an empty file', async () => {
    const { page } = session();
    const view = await open();
    // A new file opens where the focus is.
    await page.locator('.monaco-editor .view-lines').first().click();
    await runCommand(page, 'File: New Untitled Text File');
    await until('the notice of an empty file', async () => (await view.text()).includes('is empty'));
  });
});
