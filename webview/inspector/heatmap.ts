import { prepare, putPixels } from '../common/canvas';
import { element, setAble } from '../common/dom';
import { themeColour } from '../common/theme';
import type { Similarity } from '../../src/shared/types';
import { differenceColours, similarityColours } from './colours';
import { dragOrClick } from './drag';
import { balanced, offDiagonalRange, paint } from './similarity-model';
import { cellAt, fitted, isFitted, panned, resized, showing, zoomed, type Cell, type Viewport } from './viewport';

/** How much of the window's height the map may take, and the strip at its left and top where the editor's cursor is shown, in pixels. */
const MOST_HEIGHT = 0.62;
const MARGIN = 8;
/** From this size on a line of the background parts cells. */
const PARTED = 10;
/** What a press of a key or a button makes of the size of a cell, and how many cells Shift with an arrow goes. */
const ZOOM = 1.5;
const LEAP = 10;

export interface HeatmapEvents {
  /** The cell under the pointer or the keyboard's cursor; undefined when there is none. `spoken` tells whether it is to be read out. */
  readonly onFocus: (cell: Cell | undefined, spoken: boolean) => void;
  /** A cell was clicked, or Enter pressed on it. */
  readonly onChoose: (cell: Cell) => void;
}

/** A square map of similarities on a canvas that can be zoomed and moved, with a cursor for pointer and keyboard and a legend of its colours. */
export class Heatmap {
  readonly root: HTMLElement;
  readonly legend: HTMLElement;
  readonly tools: HTMLElement;
  readonly #canvas = element('canvas');
  readonly #cursor = element('div', { class: 'cursor' });
  readonly #ticks = { row: element('div', { class: 'tick' }), column: element('div', { class: 'tick' }) };
  readonly #area = element('div', { class: 'area' }, [this.#canvas, this.#cursor]);
  readonly #scale = element('canvas', { class: 'scale', attributes: { 'aria-hidden': 'true' } });
  readonly #low = element('span', { class: 'number' });
  readonly #high = element('span', { class: 'number' });
  readonly #in = zoomButton('+', 'Zoom in', () => this.#zoom(ZOOM));
  readonly #out = zoomButton('−', 'Zoom out', () => this.#zoom(1 / ZOOM));
  readonly #fit = zoomButton('Fit', 'Show the whole map', () => this.#zoom(0));
  /** One pixel a cell: drawn once for the data and the theme, and scaled from then on. */
  readonly #pixels = element('canvas');
  #data: Similarity = { units: [], matrix: new Float32Array() };
  #view: Viewport = fitted(0, 0);
  #at: Cell | undefined;
  #here: number | undefined;
  #scheduled = false;

  /** @param what is shown of every pair, for those who do not see it @param signed whether it is above and below 0 */
  constructor(
    private readonly events: HeatmapEvents,
    what = 'Similarity',
    private readonly signed = false,
  ) {
    this.root = element(
      'div',
      {
        class: 'heatmap',
        attributes: {
          role: 'application',
          tabindex: '0',
          'aria-roledescription': 'heatmap',
          'aria-label': `${what} of every pair. Arrow keys move, with Shift by ten; plus, minus and 0 zoom; Enter shows both places in the editor.`,
        },
        on: { keydown: (event) => this.#key(event as KeyboardEvent) },
      },
      [this.#ticks.row, this.#ticks.column, this.#area],
    );
    this.legend = element('div', { class: 'legend' }, [this.#low, this.#scale, this.#high]);
    this.tools = element('div', { class: 'buttons' }, [this.#out, this.#in, this.#fit]);
    this.#area.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    this.#area.addEventListener('pointerleave', () => this.#moveTo(undefined));
    dragOrClick(this.#area, {
      hover: (x, y) => this.#moveTo(cellAt(this.#view, x, y)),
      drag: (dx, dy) => this.#show(panned(this.#view, -dx, -dy)),
      click: (x, y) => {
        const cell = cellAt(this.#view, x, y);
        if (cell) this.events.onChoose(cell);
      },
    });
    new ResizeObserver(() => this.#resize()).observe(this.root);
  }

  show(data: Similarity): void {
    const same = data.units.length === this.#data.units.length;
    this.#data = data;
    this.redraw();
    this.#view = same ? this.#view : fitted(data.units.length, this.#room);
    this.#at = same ? this.#at : undefined;
    this.#show(this.#view);
    this.events.onFocus(this.#at, false);
  }

  /** Puts the cursor on a cell of another map of the same units. */
  point(cell: Cell | undefined): void {
    this.#at = cell;
    this.#place();
  }

  /** Marks the row and the column of the unit at the editor's cursor. */
  mark(index: number | undefined): void {
    this.#here = index;
    this.#place();
  }

  /** Paints the data anew in the theme's colours. */
  redraw(): void {
    const count = this.#data.units.length;
    if (count === 0) return;
    const colours = this.signed ? differenceColours() : similarityColours();
    const found = offDiagonalRange(this.#data);
    const range = this.signed ? balanced(found) : found;
    putPixels(this.#pixels, count, paint(this.#data.matrix, range, colours));
    putPixels(this.#scale, colours.length, colours);
    this.#low.textContent = range.low.toFixed(2);
    this.#high.textContent = range.high.toFixed(2);
    this.#show(this.#view);
  }

  get #room(): number {
    return Math.max(0, Math.min(this.root.clientWidth - MARGIN, window.innerHeight * MOST_HEIGHT));
  }

  #resize(): void {
    const room = this.#room;
    if (room > 0) this.#show(this.#view.side === 0 ? fitted(this.#data.units.length, room) : resized(this.#view, room));
  }

  /** Takes up another part of the map; however many come, one is drawn a frame. */
  #show(view: Viewport): void {
    this.#view = view;
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#draw();
    });
  }

  #draw(): void {
    const { side, x, y, cell, count } = this.#view;
    if (side === 0) return;
    const context = prepare(this.#canvas, side, side);
    // Larger cells stay sharp; of those smaller than a pixel, a pixel is the mean rather than one at random.
    context.imageSmoothingEnabled = cell * window.devicePixelRatio < 1;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#pixels, x, y, side / cell, side / cell, 0, 0, side, side);
    if (cell >= PARTED) {
      context.fillStyle = themeColour('editor-background');
      for (let line = Math.ceil(x); line <= x + side / cell; line++) context.fillRect(Math.round((line - x) * cell) - 1, 0, 1, side);
      for (let line = Math.ceil(y); line <= y + side / cell; line++) context.fillRect(0, Math.round((line - y) * cell) - 1, side, 1);
    }
    const whole = isFitted(this.#view);
    setAble(this.#out, !whole);
    setAble(this.#fit, !whole);
    setAble(this.#in, zoomed(this.#view, ZOOM, 0, 0).cell !== cell);
    this.#area.classList.toggle('movable', !whole);
    this.root.dataset.zoom = (cell / (side / count)).toFixed(2);
    this.#place();
  }

  /** Puts cursor and ticks where their cells are. */
  #place(): void {
    const { x, y, cell, side } = this.#view;
    const at = this.#at;
    this.#cursor.hidden = at === undefined;
    if (at) {
      this.#cursor.style.transform = `translate(${(at.column - x) * cell}px, ${(at.row - y) * cell}px)`;
      this.#cursor.style.width = this.#cursor.style.height = `${cell}px`;
    }
    const tick = (node: HTMLElement, corner: number, axis: 'X' | 'Y', size: 'width' | 'height'): void => {
      const from = ((this.#here ?? -1) - corner) * cell;
      node.hidden = this.#here === undefined || from + cell <= 0 || from >= side;
      node.style.transform = `translate${axis}(${MARGIN + Math.max(0, from)}px)`;
      node.style[size] = `${Math.max(3, Math.min(cell, side - from))}px`;
    };
    tick(this.#ticks.row, y, 'Y', 'height');
    tick(this.#ticks.column, x, 'X', 'width');
  }

  #moveTo(cell: Cell | undefined, spoken = false): void {
    if (cell?.row === this.#at?.row && cell?.column === this.#at?.column) return;
    this.#at = cell;
    this.#place();
    this.events.onFocus(cell, spoken);
  }

  /** Zooms around a point, otherwise around the cursor, otherwise around the middle; `factor` 0 shows the whole map. */
  #zoom(factor: number, point?: readonly [x: number, y: number]): void {
    const { side, x, y, cell } = this.#view;
    if (factor === 0) return this.#show(fitted(this.#data.units.length, this.#room));
    const cursor = this.#at && ([(this.#at.column + 0.5 - x) * cell, (this.#at.row + 0.5 - y) * cell] as const);
    this.#show(zoomed(this.#view, factor, ...(point ?? cursor ?? [side / 2, side / 2])));
  }

  #wheel(event: WheelEvent): void {
    const before = this.#view;
    // A pinch on a touchpad arrives as a wheel with Ctrl.
    if (event.ctrlKey || event.metaKey) {
      const box = this.#area.getBoundingClientRect();
      this.#zoom(2 ** (-event.deltaY / 100), [event.clientX - box.left, event.clientY - box.top]);
    } else {
      const moved = panned(before, event.shiftKey ? event.deltaY : event.deltaX, event.shiftKey ? 0 : event.deltaY);
      // At its edge the map lets the page scroll.
      if (moved.x === before.x && moved.y === before.y) return;
      this.#show(moved);
    }
    event.preventDefault();
  }

  #key(event: KeyboardEvent): void {
    const { row, column } = this.#at ?? { row: 0, column: -1 };
    const last = this.#data.units.length - 1;
    const step = event.shiftKey ? LEAP : 1;
    const moves: Readonly<Record<string, Cell>> = {
      ArrowRight: { row, column: column + step },
      ArrowLeft: { row, column: column - step },
      ArrowDown: { row: row + step, column },
      ArrowUp: { row: row - step, column },
      Home: { row: event.ctrlKey ? 0 : row, column: 0 },
      End: { row: event.ctrlKey ? last : row, column: last },
    };
    const zooms: Readonly<Record<string, number>> = { '+': ZOOM, '=': ZOOM, '-': 1 / ZOOM, '0': 0 };
    const move = moves[event.key];
    const zoom = zooms[event.key];
    if (event.altKey || event.metaKey || (event.ctrlKey && zoom !== undefined)) return;
    if (move) {
      const inside = (place: number): number => Math.min(Math.max(0, place), last);
      const cell = { row: inside(move.row), column: inside(move.column) };
      this.#show(showing(this.#view, cell));
      this.#moveTo(cell, true);
    } else if (zoom !== undefined) this.#zoom(zoom);
    else if ((event.key === 'Enter' || event.key === ' ') && this.#at) this.events.onChoose(this.#at);
    else return;
    event.preventDefault();
  }
}

function zoomButton(text: string, label: string, click: () => void): HTMLElement {
  return element('button', { class: 'button', text, attributes: { 'aria-label': label, title: label }, on: { click } });
}
