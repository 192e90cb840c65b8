import { prepare, putPixels } from '../common/canvas';
import { element } from '../common/dom';
import type { TextMap } from '../../src/shared/types';
import { cssColour, placeColours } from './colours';
import { nearestPoint, placePoints, pointTowards } from './map-model';

/** Width to height, and how much of the window's height the map may take. */
const ASPECT = 1.4;
const MOST_HEIGHT = 0.62;
const MARGIN = 14;
/** How far from a point the pointer still finds it, in pixels. */
const REACH = 14;

const ARROWS: Readonly<Record<string, readonly [-1 | 0 | 1, -1 | 0 | 1]>> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowDown: [0, 1],
  ArrowUp: [0, -1],
};

export interface ScatterEvents {
  /** The point under the pointer or the keyboard's cursor; undefined when there is none. `spoken` tells whether it is to be read out. */
  readonly onFocus: (index: number | undefined, spoken: boolean) => void;
  /** A point was clicked, or Enter pressed on it. */
  readonly onChoose: (index: number) => void;
}

/** A map of units as points in the plane on a canvas, coloured by their place in the file, with a cursor for pointer and keyboard. */
export class Scatter {
  readonly root: HTMLElement;
  readonly legend: HTMLElement;
  readonly #canvas = element('canvas');
  readonly #cursor = element('div', { class: 'point' });
  readonly #here = element('div', { class: 'point here' });
  readonly #across = element('p', { class: 'axis muted' });
  readonly #up = element('p', { class: 'axis up muted' });
  readonly #area = element('div', { class: 'area' }, [this.#canvas, this.#here, this.#cursor]);
  readonly #frame = element('div', { class: 'frame' }, [this.#area]);
  readonly #scale = element('canvas', { class: 'scale', attributes: { 'aria-hidden': 'true' } });
  #data: TextMap = { units: [], points: new Float32Array() };
  #placed: Float32Array = new Float32Array();
  #at: number | undefined;
  #marked: number | undefined;

  constructor(private readonly events: ScatterEvents) {
    this.root = element(
      'div',
      {
        class: 'scatter',
        attributes: {
          role: 'application',
          tabindex: '0',
          'aria-roledescription': 'map',
          'aria-label':
            'Map of the text. Arrow keys go to the nearest point in a direction, Page Up and Page Down through the file, Enter shows the place in the editor.',
        },
        on: { keydown: (event) => this.#key(event as KeyboardEvent) },
      },
      [this.#up, this.#frame, this.#across],
    );
    const end = (text: string): HTMLElement => element('span', { text });
    this.legend = element('div', { class: 'legend' }, [end('Start of the file'), this.#scale, end('End')]);
    const found = (event: MouseEvent): number | undefined => {
      const box = this.#area.getBoundingClientRect();
      return nearestPoint(this.#placed, event.clientX - box.left, event.clientY - box.top, REACH);
    };
    this.#area.addEventListener('pointermove', (event) => this.#moveTo(found(event)));
    this.#area.addEventListener('pointerleave', () => this.#moveTo(undefined));
    this.#area.addEventListener('click', (event) => {
      const index = found(event);
      if (index !== undefined) this.events.onChoose(index);
    });
    new ResizeObserver(() => this.redraw()).observe(this.#frame);
  }

  show(data: TextMap): void {
    const same = data.units.length === this.#data.units.length;
    this.#data = data;
    const axis = (index: number, name: string): string => {
      const share = data.explained?.[index];
      return share === undefined ? '' : `${name} component: ${(100 * share).toFixed(1)} % of the variance`;
    };
    this.#across.textContent = axis(0, 'First');
    this.#up.textContent = axis(1, 'Second');
    this.redraw();
    this.#at = same ? this.#at : undefined;
    this.#place();
    this.events.onFocus(this.#at, false);
  }

  /** Marks the unit at the editor's cursor. */
  mark(index: number | undefined): void {
    this.#marked = index;
    this.#place();
  }

  /** Draws the points in the theme's colours and the size of their place. */
  redraw(): void {
    const count = this.#data.units.length;
    const width = Math.floor(Math.min(this.#frame.clientWidth, window.innerHeight * MOST_HEIGHT * ASPECT));
    if (count === 0 || width <= 0) return;
    const height = Math.round(width / ASPECT);
    const colours = placeColours();
    const context = prepare(this.#canvas, width, height);
    this.#placed = placePoints(this.#data.points, width, height, MARGIN);
    const radius = count > 800 ? 2.5 : count > 200 ? 3.5 : 4.5;
    for (let index = 0; index < count; index++) {
      context.fillStyle = cssColour(colours[Math.round((index / Math.max(1, count - 1)) * (colours.length - 1))]!);
      context.beginPath();
      context.arc(this.#placed[2 * index]!, this.#placed[2 * index + 1]!, radius, 0, 2 * Math.PI);
      context.fill();
    }
    putPixels(this.#scale, colours.length, colours);
    this.#place();
  }

  #place(): void {
    const put = (node: HTMLElement, index: number | undefined): void => {
      node.hidden = index === undefined || 2 * index >= this.#placed.length;
      if (index !== undefined) node.style.transform = `translate(${this.#placed[2 * index]}px, ${this.#placed[2 * index + 1]}px)`;
    };
    put(this.#cursor, this.#at);
    put(this.#here, this.#marked);
  }

  #moveTo(index: number | undefined, spoken = false): void {
    if (index === this.#at) return;
    this.#at = index;
    this.#place();
    this.events.onFocus(index, spoken);
  }

  #key(event: KeyboardEvent): void {
    const last = this.#data.units.length - 1;
    const { key } = event;
    if (event.altKey || event.metaKey || event.ctrlKey || last < 0) return;
    const from = this.#at ?? this.#marked;
    const arrow = ARROWS[key];
    const along: Readonly<Record<string, number>> = {
      Home: 0,
      End: last,
      PageDown: Math.min(last, (from ?? -1) + 1),
      PageUp: Math.max(0, (from ?? 1) - 1),
    };
    if (arrow) this.#moveTo(from === undefined ? 0 : (pointTowards(this.#placed, from, ...arrow) ?? from), true);
    else if (along[key] !== undefined) this.#moveTo(along[key], true);
    else if ((key === 'Enter' || key === ' ') && this.#at !== undefined) this.events.onChoose(this.#at);
    else return;
    event.preventDefault();
  }
}
