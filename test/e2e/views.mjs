import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { webview } from '../support/workbench.mjs';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').Frame} Frame */

/**
 * Asks again until the answer is neither undefined nor false.
 *
 * @template T
 * @param {string} what
 * @param {() => Promise<T | undefined | false> | T | undefined | false} ask may throw while the view is being replaced
 * @param {number} [timeout] in milliseconds
 * @returns {Promise<T>}
 */
export async function until(what, ask, timeout = 30_000) {
  /** @type {unknown} */
  let problem;
  for (const end = Date.now() + timeout; Date.now() < end;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      problem = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Not within ${timeout / 1000} s: ${what}.`, { cause: problem });
}

/** The training chart as a person sees it. */
export class DashboardView {
  /** @param {Frame} frame */
  constructor(frame) {
    this.frame = frame;
    this.mlm = frame.getByRole('region', { name: 'Loss, Masked language modelling' });
  }

  /** @param {Page} page */
  static async find(page) {
    return new DashboardView(await webview(page, 'Training'));
  }

  /**
   * A number of the masked language modelling chart's legend: the newest point of a curve. Undefined while there is none.
   *
   * @param {'training' | 'held out' | 'word frequencies alone'} curve
   */
  async loss(curve) {
    const key = this.mlm.locator('.key', { hasText: curve }).locator('dd');
    return (await key.count()) > 0 ? Number(await key.innerText()) : undefined;
  }

  /** The pixels of the chart's curves. */
  picture() {
    return this.mlm
      .locator('canvas')
      .first()
      .evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
  }
}

/** The inspector as a person sees it. */
export class InspectorView {
  /** @param {Frame} frame */
  constructor(frame) {
    this.frame = frame;
    this.tokens = frame.locator('.tokens .token');
  }

  /** @param {Page} page */
  static async find(page) {
    return new InspectorView(await webview(page, 'Inspector'));
  }

  /** The chosen run and its checkpoint. */
  async run() {
    return this.frame.locator('.picker option:checked').first().innerText();
  }

  /** Everything that can be read in it. */
  text() {
    return this.frame.locator('#root').innerText();
  }

  /**
   * Hides the first token with this text, or shows it again.
   *
   * @param {string} token
   */
  async toggle(token) {
    await this.tokens
      .filter({ hasText: new RegExp(`^${token}$`) })
      .first()
      .click();
  }

  /** The probabilities of the candidates, in percent, in the order of the page. */
  async percentages() {
    return [...(await this.text()).matchAll(/([\d.]+) %/g)].map(([, number]) => Number(number));
  }

  /** Brings the heatmap to the front where tabs part it from the tokens. */
  async showSimilarity() {
    const tab = this.frame.getByRole('tab', { name: 'Similarity' });
    if ((await tab.count()) > 0) await tab.click();
  }

  /** The pixels of the heatmap; undefined while there is none. */
  heatmap() {
    return this.frame.evaluate(() => {
      const canvases = [...document.querySelectorAll('canvas')].filter(
        ({ clientWidth, width, height }) => clientWidth > 0 && width === height,
      );
      return canvases[0]?.toDataURL();
    });
  }
}

/**
 * The notification that holds a text.
 *
 * @param {Page} page
 * @param {string} text
 */
export const notification = (page, text) => page.locator('.notifications-toasts .notification-list-item', { hasText: text });

/**
 * The newest row of the Runs view.
 *
 * @param {Page} page
 */
export const runRow = (page) => page.locator('.tree-explorer-viewlet-tree-view .monaco-list-row', { hasText: 'quickstart' }).first();

const Status = z.object({ state: z.string(), step: z.number(), steps: z.number() });
const Lock = z.object({ pid: z.number() });
const Losses = z.record(z.string(), z.number()).optional();
const Line = z.object({ step: z.number(), loss: Losses, eval: Losses });

/**
 * The runs as their folders tell of them, oldest first.
 *
 * @param {string} workspace
 */
export function storedRuns(workspace) {
  const runs = path.join(workspace, '.objective-lab', 'runs');
  const ids = existsSync(runs) ? readdirSync(runs).sort() : [];
  return ids.map((id) => {
    const folder = path.join(runs, id);
    const status = Status.parse(JSON.parse(readFileSync(path.join(folder, 'status.json'), 'utf8')));
    const file = path.join(folder, 'metrics.jsonl');
    // The last line may be half written.
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
    const checkpoints = path.join(folder, 'checkpoints');
    const lock = path.join(folder, 'lock.json');
    return {
      folder,
      ...status,
      /** The process that trains it, if one does. */
      pid: existsSync(lock) ? Lock.parse(JSON.parse(readFileSync(lock, 'utf8'))).pid : undefined,
      metrics: lines.map((line) => Line.parse(JSON.parse(line))),
      checkpoints: existsSync(checkpoints) ? readdirSync(checkpoints).filter((name) => /^step-\d+$/.test(name)) : [],
    };
  });
}

/**
 * The words that surprisal has painted and the page shows, from left to right and top to bottom: where they are in pixels, and the look of their class.
 *
 * @param {Page} page
 */
export const paintedWords = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('.monaco-editor .view-overlays .cdr[class*="ced-"]')]
      .map((element) => {
        const { left, top, width } = element.getBoundingClientRect();
        const { backgroundColor, borderBottomStyle, borderBottomWidth } = getComputedStyle(element);
        return { left, top, width, look: `${backgroundColor} ${borderBottomWidth} ${borderBottomStyle}` };
      })
      .sort((a, b) => a.top - b.top || a.left - b.left),
  );

/**
 * The document in which all outputs of the open notebook stand.
 *
 * @param {Page} page
 */
export const notebookOutputs = (page) =>
  page.frameLocator('iframe.webview.ready[src*="purpose=notebookRenderer"]').frameLocator('#active-frame');
