import assert from 'node:assert/strict';
import { openFile, runCommand } from '../support/workbench.mjs';
import { scenario } from './scenario.mjs';
import { paintedWords, storedRuns, until } from './views.mjs';

const CHAPTER = '001-loomings.md';

scenario('Surprisal in the editor', { training: { steps: 60, evaluateEvery: 20, checkpointEvery: 20 } }, (session) => {
  const status = () => session().page.locator('.statusbar-item', { hasText: 'Surprisal' });
  const suggestions = () => session().page.locator('.suggest-widget .monaco-list-row');
  /** The third line of the chapter, where its text begins. */
  const line = () => session().page.locator('.monaco-editor .view-line', { hasText: 'Ishmael' }).first();
  const lineText = async () => (await line().innerText()).replaceAll('\u00a0', ' ');
  /** The words that are painted on that line. */
  const onLine = async () => {
    const { y = 0, height = 0 } = (await line().boundingBox()) ?? {};
    return (await paintedWords(session().page)).filter(({ top }) => Math.abs(top - y) < height / 2);
  };
  /** @param {string} text */
  const typeBefore = async (text) => {
    const box = await line().boundingBox();
    assert.ok(box);
    await session().page.mouse.click(box.x + 3, box.y + box.height / 2);
    await session().page.keyboard.press('Home');
    await session().page.keyboard.type(text);
  };

  it('says that there is no run yet', async () => {
    await openFile(session().page, CHAPTER);
    await runCommand(session().page, 'Objective Lab: Toggle Surprisal');
    await until('the reason', async () => (await status().innerText()).includes('No run yet'));
    assert.deepEqual(await paintedWords(session().page), []);
  });

  it('paints every word in view as soon as there is a model', async () => {
    const { page, workspace } = session();
    await openFile(page, 'quickstart.lab.json');
    await runCommand(page, 'Objective Lab: Start Run');
    await until('the end of the run', () => storedRuns(workspace).at(-1)?.state === 'completed', 90_000);
    await openFile(page, CHAPTER);
    const words = await until('painted words', async () => {
      const painted = await paintedWords(page);
      return painted.length > 150 && painted;
    });
    const looks = new Set(words.map(({ look }) => look));
    assert.ok(looks.size >= 3, `classes of surprise: ${[...looks].join(', ')}`);
    const first = (await onLine())[0];
    assert.ok(first, 'the first word of the text is painted');
  });

  it('tells the pseudo-perplexity of the file, and what the colours mean', async () => {
    const { page } = session();
    const perplexity = await until(
      'the whole file',
      async () => {
        const [, number] = /pseudo-perplexity ([\d,.]+)$/.exec((await status().innerText()).trim()) ?? [];
        return number !== undefined && Number(number.replaceAll(',', ''));
      },
      90_000,
    );
    // The vocabulary has 2,048 tokens: a model that knows nothing would be at that.
    assert.ok(perplexity > 1 && perplexity < 2_048, `pseudo-perplexity ${perplexity}`);
    await status().hover();
    await page.locator('.monaco-hover', { hasText: 'astonishing' }).filter({ hasText: '9.21 or more' }).waitFor();
    await page.mouse.move(500, 300);
  });

  it('paints a word that is typed', async () => {
    const width = (await onLine())[0]?.width ?? NaN;
    await typeBefore('Leviathans ');
    // Ten letters where four were: the paint is of the new word, not what the editor has moved.
    await until('the paint of the new word', async () => {
      const [first, second] = await onLine();
      return first && second && Math.abs(first.width - 2.5 * width) < 3 && Math.abs(second.width - width) < 3;
    });
  });

  it('tells on hover what the model would put there, and puts it there', async () => {
    const { page } = session();
    const word = (await onLine())[0];
    assert.ok(word);
    await page.mouse.move(word.left + word.width / 2, word.top + 8);
    const hover = page.locator('.monaco-hover', { hasText: 'With the word hidden' });
    await hover.waitFor();
    assert.match(await hover.innerText(), /Leviathans: .*Surprisal \d+\.\d+ nats, probability <?[\d.]+ %, rank [\d,]+\./);
    assert.equal(await hover.getByText('Use this').count(), 5);
    await hover.getByText('Use this').first().click();
    await until('the replacement', async () => {
      const text = await lineText();
      return !text.includes('Leviathans') && text.includes('Call me Ishmael');
    });
  });

  it('completes [MASK]', async () => {
    const { page } = session();
    await typeBefore('The [MASK');
    await page.keyboard.type(']');
    await suggestions().nth(5).waitFor();
    assert.match(await suggestions().first().innerText(), /\d %/);
    const best = (await suggestions().first().locator('.label-name').innerText()).trim();
    await page.keyboard.press('Enter');
    await until('the completed text', async () => (await lineText()).startsWith(`The ${best.replace(/^-/, '')}`));
  });

  it('is turned off from the status bar', async () => {
    const { page } = session();
    await status().click();
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Turn Surprisal Off' }).click();
    await until('plain text', async () => (await paintedWords(page)).length === 0 && (await status().count()) === 0);
  });
});
