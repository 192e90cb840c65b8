// What surprisal costs a person who types into a file of 100,000 words, how fast it follows, and how fast the panel opens; in a workbench with the packaged
// extension, held against another one that does nothing but show a mark, or an empty view.
//   npm run package && node bench/editor.mjs [--preset mini] [--keys 80]
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createVSIX } from '@vscode/vsce';
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
const EDITS = 60;
const OPENINGS = 16;

const packages = mkdtempSync(path.join(tmpdir(), 'floor-'));
const floor = path.join(packages, 'floor.vsix');
await createVSIX({ cwd: path.join(import.meta.dirname, 'floor'), packagePath: floor, allowMissingRepository: true });
const session = await startSession({ extensions: [floor], training: { steps: 60, checkpointEvery: 60, evaluateEvery: 60 } });
const { page, workspace } = session;
try {
  await page.evaluate(watchFrames);
  const line = writeBook();
  setPreset();
  await openFile(page, 'quickstart.lab.json');
  await runCommand(page, 'Objective Lab: Start Run');
  await until('the end of the run', () => storedRuns(workspace).at(-1)?.state === 'completed', 600_000);
  await runCommand(page, 'View: Close All Editors');
  // A short file before the long one, whose window's memory is cleared up while a panel opens. The first opening also starts the processes.
  await page.addInitScript(watchPanels);
  await openFile(page, '001-loomings.md');
  const [openings, nothings] = [[], []];
  for (let i = 0; i <= OPENINGS; i++) {
    openings.push(await openPanel('Objective Lab: Open Inspector'));
    nothings.push(await openPanel('Floor: Open Nothing'));
  }
  openings.shift();
  nothings.shift();
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
  const repaints = await edits(line);
  await toggle(false);
  await runCommand(page, 'Floor: Mark Edits');
  const marks = await edits(line);

  const row = (name, times) =>
    console.log(`${name.padEnd(34)} ${median(times).toFixed(1).padStart(8)} ${quantile(times, 0.95).toFixed(1).padStart(8)}`);
  console.log(`${values.preset}, ${WORDS.toLocaleString('en-US')} words, milliseconds                median     95 %`);
  row('keystroke to paint, surprisal off', off);
  row('keystroke to paint, surprisal on', on);
  console.log(
    `ratio on / off                     ${(median(on) / median(off)).toFixed(2).padStart(8)} ${(quantile(on, 0.95) / quantile(off, 0.95)).toFixed(2).padStart(8)}`,
  );
  row('edit to repaint of its surprisal', repaints);
  row('edit to a mark that says nothing', marks);
  row('command to tokens in the panel', openings);
  row('command to an empty view', nothings);
} finally {
  await session.stop();
  rmSync(packages, { recursive: true });
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

/** In the page: calls back when the next frame is painted. A message that is posted in a frame's callbacks is delivered after its painting. */
function watchFrames() {
  window.afterFrame = (callback) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = callback;
      port2.postMessage(undefined);
    });
}

/** In the page: the time from each keydown to the end of the first frame with changed lines. */
function watchKeys() {
  return page.evaluate(() => {
    /** @type {number[]} */
    const times = (window.keyTimes = []);
    let [changed, pressed] = [false, 0];
    new MutationObserver(() => (changed = true)).observe(document.querySelector('.monaco-editor .view-lines'), {
      childList: true,
      subtree: true,
      characterData: true,
    });
    window.addEventListener(
      'keydown',
      () => {
        const began = (pressed = performance.now());
        changed = false;
        const look = () => {
          // Another key has been pressed meanwhile; this one changed nothing.
          if (began !== pressed) return;
          if (changed) times.push(performance.now() - began);
          else window.afterFrame(look);
        };
        window.afterFrame(look);
      },
      { capture: true },
    );
  });
}

/** Types at a fast typist's speed into the middle of a paragraph. */
async function keystrokes(line) {
  await goTo(line);
  await page.evaluate(() => (window.keyTimes.length = 0));
  const letters = 'so he went to sea in a ship and saw the white whale. ';
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

/** Times of edits, one after the other, in the middle of a paragraph. */
async function edits(line) {
  await goTo(line);
  await page.keyboard.type('  ');
  await page.keyboard.press('ArrowLeft');
  const times = [];
  // Other letters every time: windows that are like earlier ones would be known.
  for (let i = 0; i < EDITS; i++) times.push(await repaint('abcdefghijklmnopqrstuvwxyz'[(7 * i * i + 3 * i) % 26]));
  return times;
}

/**
 * From the keydown of a letter that makes a new word to the end of the first frame in which that word is painted: the editor itself paints nothing that is typed beside
 * a painted word, so the paint shows that its estimate has arrived. The typist pauses for a second between edits.
 */
async function repaint(letter) {
  await page.waitForTimeout(1_000);
  await page.evaluate(() => {
    window.repainted = new Promise((resolve) => {
      const overlays = document.querySelector('.monaco-editor .view-overlays');
      const caret = () => document.querySelector('.monaco-editor .cursor');
      const from = caret().getBoundingClientRect().left;
      let began = 0;
      window.addEventListener('keydown', () => (began = performance.now()), { capture: true, once: true });
      const look = () => {
        const { left: cursor } = caret().getBoundingClientRect();
        // The marks of the cursor's line alone: to ask for the places of all would take as long as their painting.
        const line = [...overlays.children].find(({ style }) => style.top === caret().style.top);
        const painted = [...(line?.querySelectorAll('.cdr[class*="ced-"]') ?? [])].some((mark) => {
          const { left, right } = mark.getBoundingClientRect();
          return left <= cursor - 3 && right >= cursor - 3;
        });
        if (began === 0 || cursor === from || !painted) return;
        marks.disconnect();
        resolve(performance.now() - began);
      };
      // After each frame that changes marks, and in no other: a frame that is asked for only to look would be one more to draw.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = look;
      const marks = new MutationObserver(() => port2.postMessage(undefined));
      marks.observe(overlays, { subtree: true, childList: true, attributes: true });
    });
  });
  await page.keyboard.press(letter);
  const time = await page.evaluate(() => window.repainted);
  await page.keyboard.press('Space');
  return time;
}

/**
 * From the choice of a command in the palette to the end of the first frame with a token in the panel that it opens, which is closed again. The page itself takes
 * the time, see `watchPanels`: what a driver puts into a frame to look would be part of the opening.
 */
async function openPanel(command) {
  await page.keyboard.press('F1');
  const input = page.locator('.quick-input-widget input.input');
  await input.fill(`>${command}`);
  await page.locator('.quick-input-list .monaco-list-row', { hasText: command }).first().waitFor();
  const opened = page.waitForEvent('framenavigated', (frame) => frame.url().includes('/fake.html'));
  const began = performance.timeOrigin + performance.now();
  await page.keyboard.press('Enter');
  const frame = await opened;
  await page.waitForTimeout(1_000);
  const time = (await frame.evaluate(() => window.shown)) - began;
  await runCommand(page, 'View: Focus First Editor Group');
  await runCommand(page, 'View: Close Editors in Other Groups');
  await page.waitForTimeout(1_000);
  return time;
}

/** In every frame of the page to come: notes when a token has been painted. Only the innermost one of a panel's frames has any. */
function watchPanels() {
  if (window === window.top) return;
  // The page is written into the frame after this, which takes all observers away but timers.
  const timer = setInterval(() => {
    if (document.querySelector('iframe')) clearInterval(timer);
    if (!document.querySelector('.tokens .token')) return;
    clearInterval(timer);
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => (window.shown = performance.timeOrigin + performance.now());
      port2.postMessage(undefined);
    });
  }, 4);
}
