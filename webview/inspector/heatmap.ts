import { element } from '../common/dom';
import { themeColour, toRgb, type Rgb } from '../common/theme';
import type { Similarity } from '../../src/shared/types';
import { cellAt, cellSize, colourAt, offDiagonalRange, position } from './model';

/** How much of the window's height the map may take before it scrolls, as in the style sheet. */
const MOST_HEIGHT = 0.62;

export interface Cell {
  readonly row: number;
  readonly column: number;
}

export interface HeatmapEvents {
  /** The cell under the pointer or the keyboard's cursor; undefined when there is none. */
  readonly onFocus: (cell: Cell | undefined) => void;
  /** A cell was clicked, or Enter pressed on it. */
  readonly onChoose: (cell: Cell) => void;
}

/** A square map of similarities on a canvas, with a cursor for pointer and keyboard and a legend of its colours. */
export class Heatmap {
  readonly root: HTMLElement;
  readonly legend: HTMLElement;
  readonly #canvas = element('canvas');
  readonly #cursor = element('div', { class: 'cursor', attributes: { hidden: '' } });
  readonly #area: HTMLElement;
  readonly #scale = element('canvas', { class: 'scale', attributes: { 'aria-hidden': 'true' } });
  readonly #low = element('span', { class: 'number' });
  readonly #high = element('span', { class: 'number' });
  #data: Similarity = { units: [], matrix: [] };
  #cell = 0;
  #at: Cell | undefined;

  constructor(private readonly events: HeatmapEvents) {
    this.#area = element('div', { class: 'area' }, [this.#canvas, this.#cursor]);
    this.root = element(
      'div',
      {
        class: 'heatmap',
        attributes: {
          role: 'application',
          tabindex: '0',
          'aria-roledescription': 'heatmap',
          'aria-label': 'Similarity of every pair. Arrow keys move, Enter shows both places in the editor.',
        },
        on: { keydown: (event) => this.#key(event as KeyboardEvent) },
      },
      [this.#area],
    );
    this.legend = element('div', { class: 'legend' }, [this.#low, this.#scale, this.#high]);
    this.#area.addEventListener('pointermove', (event) => this.#moveTo(this.#cellAt(event)));
    this.#area.addEventListener('click', (event) => {
      const cell = this.#cellAt(event);
      if (cell) this.events.onChoose(cell);
    });
    new ResizeObserver(() => this.draw()).observe(this.root);
  }

  show(data: Similarity): void {
    this.#data = data;
    this.draw();
    const at = this.#at;
    this.#moveTo(at && at.row < data.units.length && at.column < data.units.length ? at : undefined);
  }

  /** Draws the map anew, in the theme's colours and the size of its place. */
  draw(): void {
    const count = this.#data.units.length;
    const side = Math.min(this.root.clientWidth, window.innerHeight * MOST_HEIGHT);
    if (count === 0 || side === 0) return;
    this.#cell = cellSize(count, side);
    const stops = scaleStops();
    const range = offDiagonalRange(this.#data);
    const context = prepare(this.#canvas, count * this.#cell, count * this.#cell);
    const gap = this.#cell >= 10 ? 1 : 0;
    for (const [i, row] of this.#data.matrix.entries()) {
      for (const [j, value] of row.entries()) {
        context.fillStyle = `rgb(${colourAt(stops, position(value, range)).join(' ')})`;
        context.fillRect(j * this.#cell, i * this.#cell, this.#cell - gap, this.#cell - gap);
      }
    }
    this.#drawLegend(stops, range);
    this.#placeCursor();
  }

  #drawLegend(stops: readonly Rgb[], { low, high }: { low: number; high: number }): void {
    const [width, height] = [140, 10];
    const context = prepare(this.#scale, width, height);
    for (let x = 0; x < width; x++) {
      context.fillStyle = `rgb(${colourAt(stops, x / (width - 1)).join(' ')})`;
      context.fillRect(x, 0, 1, height);
    }
    this.#low.textContent = low.toFixed(2);
    this.#high.textContent = high.toFixed(2);
  }

  #cellAt(event: MouseEvent): Cell | undefined {
    const box = this.#area.getBoundingClientRect();
    return cellAt(event.clientX - box.left, event.clientY - box.top, this.#cell, this.#data.units.length);
  }

  #moveTo(cell: Cell | undefined): void {
    this.#at = cell;
    this.#placeCursor();
    this.events.onFocus(cell);
  }

  #placeCursor(): void {
    this.#cursor.hidden = this.#at === undefined;
    if (!this.#at) return;
    const { row, column } = this.#at;
    this.#cursor.style.transform = `translate(${column * this.#cell}px, ${row * this.#cell}px)`;
    this.#cursor.style.width = this.#cursor.style.height = `${this.#cell}px`;
  }

  #key(event: KeyboardEvent): void {
    const { row, column } = this.#at ?? { row: 0, column: -1 };
    const moves: Readonly<Record<string, Cell>> = {
      ArrowRight: { row, column: column + 1 },
      ArrowLeft: { row, column: column - 1 },
      ArrowDown: { row: row + 1, column },
      ArrowUp: { row: row - 1, column },
      Home: { row, column: 0 },
      End: { row, column: this.#data.units.length - 1 },
    };
    const move = moves[event.key];
    if (move) {
      const inside = (place: number): number => Math.min(Math.max(0, place), this.#data.units.length - 1);
      this.#moveTo({ row: inside(move.row), column: inside(move.column) });
      this.#cursor.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else if ((event.key === 'Enter' || event.key === ' ') && this.#at) this.events.onChoose(this.#at);
    else return;
    event.preventDefault();
  }
}

/** From the page's background over the theme's blue to its text colour: lightness runs one way, so the order is seen in every theme and without colour vision. */
function scaleStops(): readonly Rgb[] {
  const background = toRgb(themeColour('editor-background'));
  const blue = toRgb(themeColour('charts-blue', 'focusBorder'), background);
  const text = toRgb(themeColour('editor-foreground', 'foreground'), background);
  // A little off the background, so that the least similar cells still show as cells.
  return [colourAt([background, blue], 0.12), colourAt([background, blue], 0.75), colourAt([blue, text], 0.85)];
}

/** Sizes a canvas for the screen's pixels; the context then draws in CSS pixels. */
function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser has no 2D canvas.');
  context.scale(ratio, ratio);
  return context;
}
