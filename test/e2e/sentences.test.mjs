import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { openFile, runCommand } from '../support/workbench.mjs';
import { scenario } from './scenario.mjs';
import { InspectorView, storedRuns, until } from './views.mjs';

const CHAPTER = '001-loomings.md';

/** @param {import('playwright-core').Page} page */
const marked = (page) => page.locator('.monaco-editor .view-overlays [class*="ced-"]');

scenario('Sentences', { training: { steps: 60, checkpointEvery: 20, evaluateEvery: 20 } }, (session) => {
  const inspector = async () => (await InspectorView.find(session().page)).frame;
  /** What a screen reader was told last by a part of the inspector. @param {import('playwright-core').Frame} frame @param {RegExp} pattern */
  const spoken = (frame, pattern) =>
    until(`a screen reader is told ${String(pattern)}`, async () => {
      const said = await frame.locator('[role="status"].unseen').allTextContents();
      return said.map((text) => pattern.exec(text)).find((match) => match !== null);
    });
  /** @param {string} name */
  const choose = async (name) => (await inspector()).getByRole('radio', { name, exact: true }).click();
  /** The number of colours on a canvas of the inspector. @param {string} selector */
  const colours = async (selector) =>
    (await inspector())
      .locator(`${selector} .area canvas`)
      .first()
      .evaluate((node) => {
        const { width, height } = /** @type {HTMLCanvasElement} */ (node);
        const pixels = /** @type {HTMLCanvasElement} */ (node).getContext('2d')?.getImageData(0, 0, width, height).data.buffer;
        return new Set(new Uint32Array(pixels ?? new ArrayBuffer())).size;
      });

  it('of a chapter are compared in a heatmap', async () => {
    const { page, workspace } = session();
    await openFile(page, 'quickstart.lab.json');
    await runCommand(page, 'Objective Lab: Start Run');
    await until('the end of the run', () => storedRuns(workspace).at(-1)?.state === 'completed', 90_000);
    await openFile(page, CHAPTER);
    await runCommand(page, 'Objective Lab: Open Inspector');
    const view = await InspectorView.find(page);
    await until('the tokens', async () => (await view.tokens.count()) > 100);
    await view.showSimilarity();
    await until('the heatmap', async () => (await colours('.heatmap')) > 50);
    assert.match(await view.text(), /104 sentences/);
    await until('alignment and uniformity', async () => /Alignment\s+\d\.\d+[^]*Uniformity\s+−?\d\.\d+/.test(await view.text()));
  });

  it('are zoomed by the wheel and the keyboard', async () => {
    const frame = await inspector();
    const heatmap = frame.locator('.heatmap').first();
    const zoom = async () => Number(await heatmap.getAttribute('data-zoom'));
    const whole = await InspectorView.find(session().page).then((view) => view.heatmap());
    assert.equal(await zoom(), 1);
    await heatmap.locator('.area').hover();
    await session().page.keyboard.down('Control');
    await session().page.mouse.wheel(0, -100);
    await session().page.keyboard.up('Control');
    await until('the wheel zooms', async () => Math.abs((await zoom()) - 2) < 0.05);
    await heatmap.press('+');
    await until('the key zooms', async () => (await zoom()) > 2.5);
    const zoomed = await (await InspectorView.find(session().page)).heatmap();
    assert.notEqual(zoomed, whole);
    await session().page.mouse.wheel(0, 60);
    await until('the wheel moves', async () => (await (await InspectorView.find(session().page)).heatmap()) !== zoomed);
    await heatmap.press('0');
    await until('the whole map', async () => (await zoom()) === 1);
  });

  it('are read out as the keyboard goes over the heatmap, and found in the editor', async () => {
    const { page } = session();
    const heatmap = (await inspector()).locator('.heatmap').first();
    await page.mouse.move(5, 5);
    await heatmap.focus();
    for (const key of ['Control+Home', 'ArrowDown', 'ArrowDown', 'ArrowRight', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    const [, value] = await spoken(await inspector(), /^Row 3: Call me Ishmael\. Column 4: Some years ago.* Cosine (-?[01]\.\d\d)\.$/);
    const shown = await (await inspector()).locator('.maps ~ .pair .number').innerText();
    assert.equal(Number(shown).toFixed(2), value);
    assert.equal(await marked(page).count(), 0);
    await page.keyboard.press('Enter');
    await until('both are marked', async () => (await marked(page).count()) >= 2);
    await until('a tick at the row of the cursor', async () => (await heatmap.locator('.tick:not([hidden])').count()) === 2);
  });

  it('show the command, and copy it', async () => {
    const { page } = session();
    const frame = await inspector();
    const line = frame.locator('.maps ~ .command-line');
    const run = storedRuns(session().workspace).at(-1)?.folder.split('/').at(-1);
    const command = `objective-lab similarity .objective-lab/runs/${run} moby-dick/${CHAPTER} --unit sentence`;
    assert.equal(await line.locator('code').innerText(), command);
    await line.getByRole('button', { name: 'Copy the command' }).click();
    await line.getByText('Copied').waitFor();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), command);
  });

  for (const projection of ['UMAP', 'PCA']) {
    it(`are points of a map by ${projection}, which follows the editor`, async () => {
      const { page } = session();
      await choose('Map');
      await choose(projection);
      const frame = await inspector();
      await until('the points', async () => (await colours('.scatter')) > 50);
      const axes = await until('the axes', async () => {
        const text = await frame.locator('.axis').allInnerTexts();
        return text.every((axis) => (projection === 'PCA') === /component: [\d.]+ % of the variance/.test(axis)) && text;
      });
      assert.equal(axes.length, 2);
      await frame.locator('.scatter').focus();
      await page.keyboard.press('End');
      await spoken(frame, /^Sentence 104: /);
      await page.keyboard.press('Home');
      await spoken(frame, /^Sentence 1: /);
      // The first sentence may stand at an edge of the map, but not at two that are opposite.
      const first = (await spoken(frame, /^Sentence 1: .*/))[0];
      await page.keyboard.press('ArrowRight');
      if ((await spoken(frame, /^Sentence .*/))[0] === first) await page.keyboard.press('ArrowLeft');
      await spoken(frame, /^Sentence (?!1:)/);
      const here = frame.locator('.scatter .point.here');
      const place = () => here.evaluate((node) => node.style.transform);
      const focus = () => frame.locator('.scatter .point:not(.here)').evaluate((node) => node.style.transform);
      for (const key of ['Home', 'End']) {
        await page.keyboard.press(key);
        assert.notEqual(await place(), await focus());
        await page.keyboard.press('Enter');
        await until('the cursor of the editor is where the point is', async () => (await place()) === (await focus()));
      }
    });
  }

  it('have neighbours in other files, which are opened', async () => {
    const { page, workspace } = session();
    // Some chapters are enough to look in.
    const chapters = path.join(workspace, 'moby-dick');
    for (const name of readdirSync(chapters)) if (name > '010') rmSync(path.join(chapters, name));
    await choose('Neighbours');
    const frame = await inspector();
    await until(
      'all sentences are read',
      async () => /The nearest of [\d,]+ sentences/.test(await frame.locator('#root').innerText()),
      60_000,
    );
    const similarities = (await frame.locator('.neighbour .number').allInnerTexts()).map(Number);
    assert.equal(similarities.length, 20);
    assert.deepEqual(
      similarities,
      similarities.toSorted((a, b) => b - a),
    );
    const other = frame.locator('.neighbour', { hasNotText: 'This file' }).first();
    const file = (await other.locator('.muted').innerText()).split('/').at(-1) ?? '';
    assert.notEqual(file, CHAPTER);
    await other.focus();
    await page.keyboard.press('Enter');
    await page.locator('.tabs-container .tab.active', { hasText: file }).waitFor();
    await until('the sentence is marked', async () => (await marked(page).count()) >= 1);
    assert.equal(await frame.locator('.neighbour').count(), 20, 'the list stays');
  });

  it('break no content security policy', () => {
    const broken = session().messages.filter((message) => /content security policy/i.test(message));
    assert.deepEqual(broken, []);
  });
});
