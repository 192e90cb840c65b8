// What surprisal costs a person who types into a file of 100,000 words, and how fast it follows; in a workbench with the packaged extension.
//   npm run package && node bench/editor.mjs [--preset mini] [--keys 80]
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { applyEdits, modify, parse } from 'jsonc-parser';
import { samples } from '../scripts/lib/paths.mjs';
import { startSession } from '../test/e2e/session.mjs';
import { paintedWords, storedRuns, until } from '../test/e2e/views.mjs';
import { openFile, runCommand } from '../test/support/workbench.mjs';
import { median, quantile } from './peers/statistics.mjs';

const { values } = parseArgs({ options: { preset: { type: 'string', default: 'mini' }, keys: { type: 'string', default: '80' } } });
const KEYS = Number(values.keys);
const WORDS = 100_000;
const FILE = 'book.md';
/** Rounds with surprisal off and on in turn: what else the machine does meets both. */
const ROUNDS = 3;
const EDITS = 25;

const session = await startSession({ training: { steps: 60, checkpointEvery: 60, evaluateEvery: 60 } });
const { page, workspace } = session;
try {
  const line = writeBook();
  setPreset();
  await openFile(page, 'quickstart.lab.json');
  await runCommand(page, 'Objective Lab: Start Run');
  await until('the end of the run', () => storedRuns(workspace).at(-1)?.state === 'completed', 600_000);
  await runCommand(page, 'View: Close All Editors');
  await openFile(page, FILE);
  await page.locator('.monaco-editor .view-line').first().waitFor();
  await watchKeys();

  const [off, on] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    off.push(...(await keystrokes(line)));
    await toggle(true);
    on.push(...(await keystrokes(line)));
    await toggle(false);
  }
  await toggle(true);
  await goTo(line);
  await page.keyboard.type('  ');
  await page.keyboard.press('ArrowLeft');
  const repaints = [];
  for (let i = 0; i < EDITS; i++) repaints.push(await repaint());

  const row = (name, times) =>
    console.log(`${name.padEnd(34)} ${median(times).toFixed(1).padStart(8)} ${quantile(times, 0.95).toFixed(1).padStart(8)}`);
  console.log(`${values.preset}, ${WORDS.toLocaleString('en-US')} words, milliseconds                median     95 %`);
  row('keystroke to paint, surprisal off', off);
  row('keystroke to paint, surprisal on', on);
  console.log(
    `ratio on / off                     ${(median(on) / median(off)).toFixed(2).padStart(8)} ${(quantile(on, 0.95) / quantile(off, 0.95)).toFixed(2).padStart(8)}`,
  );
  row('edit to repaint of its surprisal', repaints);
} finally {
  await session.stop();
}

/** The chapters one after the other, from the first on, until there are enough words. Returns a paragraph's line in the middle: about 200 words. */
function writeBook() {
  const folder = path.join(samples, 'moby-dick');
  const text = readdirSync(folder)
    .filter((name) => /^0*[1-9]\d*-.*\.md$/.test(name))
    .sort()
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .join('\n\n');
  const words = [...text.matchAll(/\S+/g)].slice(0, WORDS);
  const last = words.at(-1);
  if (words.length < WORDS || !last) throw new Error(`The sample text has ${words.length} words only.`);
  const book = text.slice(0, last.index + last[0].length);
  writeFileSync(path.join(workspace, FILE), book);
  const lines = book.split('\n');
  return lines.findIndex(({ length }, i) => i > lines.length / 2 && length > 900 && length < 1_300) + 1;
}

/** The quick start with the model of another size, on sequences of BERT's shape: enough steps to have a model, not a good one. */
function setPreset() {
  const file = path.join(workspace, 'quickstart.lab.json');
  let text = readFileSync(file, 'utf8');
  const set = (/** @type {(string | number)[]} */ at, /** @type {unknown} */ value) =>
    (text = applyEdits(text, modify(text, at, value, {})));
  set(['model'], values.preset);
  const { objectives } = parse(text);
  set(['objectives'], [{ ...objectives[0], batchSize: 8, sequenceLength: 64 }]);
  writeFileSync(file, text);
}

/** In the page: the time from each keydown to the frame that shows what it changed, by the first change of the lines after it. */
function watchKeys() {
  return page.evaluate(() => {
    /** @type {number[]} */
    const times = (window.keyTimes = []);
    let pressed = 0;
    window.addEventListener('keydown', () => (pressed = performance.now()), { capture: true });
    new MutationObserver(() => {
      if (pressed === 0) return;
      const began = pressed;
      pressed = 0;
      // The callback runs before the frame is painted, a message posted in it after.
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => times.push(performance.now() - began);
        port2.postMessage(undefined);
      });
    }).observe(document.querySelector('.monaco-editor .view-lines'), { childList: true, subtree: true, characterData: true });
  });
}

/** Types at a fast typist's speed into the middle of a paragraph. */
async function keystrokes(line) {
  await goTo(line);
  await page.evaluate(() => (window.keyTimes.length = 0));
  const letters = 'so he went to sea in a ship and saw the white whale ';
  for (let i = 0; i < KEYS; i++) {
    await page.keyboard.press(letters[i % letters.length] === ' ' ? 'Space' : letters[i % letters.length]);
    await page.waitForTimeout(70);
  }
  await page.waitForTimeout(300);
  return page.evaluate(() => [...window.keyTimes]);
}

/** Puts the cursor between two words in the middle of a paragraph. */
async function goTo(line) {
  await page.keyboard.press('Control+g');
  await page.locator('.quick-input-widget input.input').fill(`:${line}:300`);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+ArrowRight');
  await page.waitForTimeout(500);
}

async function toggle(on) {
  await runCommand(page, 'Objective Lab: Toggle Surprisal');
  await until('the paint', async () => (await paintedWords(page)).length > 0 === on, 60_000);
  await page.waitForTimeout(1_500);
}

/**
 * From the keydown of a letter that makes a new word to the first frame in which that word is painted: the editor itself paints nothing that is typed beside
 * a painted word, so the paint shows that the estimate of the edited paragraph has arrived. The typist pauses for a second between edits.
 */
async function repaint() {
  await page.waitForTimeout(1_000);
  await page.evaluate(() => {
    window.repainted = new Promise((resolve) => {
      let began = 0;
      window.addEventListener('keydown', () => (began = performance.now()), { capture: true, once: true });
      const from = document.querySelector('.monaco-editor .cursor').getBoundingClientRect().left;
      const look = () => {
        const caret = document.querySelector('.monaco-editor .cursor');
        const cursor = caret.getBoundingClientRect();
        // The marks of the cursor's line alone: to ask for the places of all in every frame would be most of the frame.
        const line = [...document.querySelectorAll('.monaco-editor .view-overlays > div')].find(
          ({ style }) => style.top === caret.style.top,
        );
        const marks = line?.querySelectorAll('.cdr[class*="ced-"]') ?? [];
        const painted = [...marks].some((mark) => {
          const { left, right } = mark.getBoundingClientRect();
          return left <= cursor.left - 3 && right >= cursor.left - 3;
        });
        if (began > 0 && cursor.left !== from && painted) resolve(performance.now() - began);
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
  });
  await page.keyboard.press('x');
  const time = await page.evaluate(() => window.repainted);
  await page.keyboard.press('Space');
  return time;
}
