import type { HeatmapView } from '../../src/shared/views';
import { prepare, putPixels } from '../common/canvas';
import { element } from '../common/dom';
import { themeColour } from '../common/theme';
import { similarityColours } from '../inspector/colours';
import { paint } from '../inspector/similarity-model';
import type { Drawn } from './index';

/** The sizes of a cell, and of the picture, in pixels; from a size on a line of the background parts cells. */
const [LARGEST_CELL, LARGEST, PARTED] = [36, 520, 10];
/** Up to so many rows have their names beside them. */
const MOST_NAMED = 24;

/** A matrix as colours, with the names and the value of the cell under the pointer or the keyboard's cursor. */
export function heatmap({ rows, columns, values, low, high }: HeatmapView): Drawn {
  const cell = Math.min(LARGEST_CELL, LARGEST / Math.max(rows.length, columns.length, 1));
  const [width, height] = [columns.length * cell, rows.length * cell];
  const pixels = element('canvas');
  const picture = element('canvas');
  const scale = element('canvas', { class: 'scale', attributes: { 'aria-hidden': 'true' } });
  const cursor = element('div', { class: 'cursor' });
  const said = element('p', { class: 'said', attributes: { 'aria-live': 'polite' } });
  let at: readonly [row: number, column: number] | undefined;

  const show = (place: readonly [number, number] | undefined): void => {
    at = place;
    cursor.hidden = !place;
    if (!place) return;
    const [row, column] = place;
    Object.assign(cursor.style, { left: `${column * cell}px`, top: `${row * cell}px`, width: `${cell}px`, height: `${cell}px` });
    said.replaceChildren(
      element('span', { class: 'number', text: values[row * columns.length + column]?.toFixed(3) ?? 'no number' }),
      ` ${rows[row]!} · ${columns[column]!}`,
    );
  };
  const clamp = (value: number, length: number): number => Math.min(length - 1, Math.max(0, value));
  const move = (down: number, right: number): void =>
    show(at ? [clamp(at[0] + down, rows.length), clamp(at[1] + right, columns.length)] : [0, 0]);
  const keys: Readonly<Record<string, readonly [number, number]>> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
  };
  const area = element(
    'div',
    {
      class: 'area',
      attributes: { role: 'application', tabindex: '0', 'aria-label': 'Heatmap. Arrow keys move from cell to cell.' },
      on: {
        keydown: (event) => {
          const step = keys[(event as KeyboardEvent).key];
          if (!step) return;
          event.preventDefault();
          event.stopPropagation();
          move(...step);
        },
        pointermove: (event) => {
          const box = area.getBoundingClientRect();
          const { clientX, clientY } = event as PointerEvent;
          const place = [Math.floor((clientY - box.top) / cell), Math.floor((clientX - box.left) / cell)] as const;
          if (place[0] >= 0 && place[0] < rows.length && place[1] >= 0 && place[1] < columns.length) show(place);
        },
        pointerleave: () => show(undefined),
      },
    },
    [picture, cursor],
  );
  const names = element(
    'ol',
    { class: 'names' },
    rows.length > MOST_NAMED
      ? []
      : rows.map((name) => {
          const line = element('li', { text: name, attributes: { dir: 'auto', title: name } });
          line.style.height = line.style.lineHeight = `${cell}px`;
          return line;
        }),
  );

  const restyle = (): void => {
    const colours = similarityColours();
    putPixels(
      pixels,
      Math.max(1, columns.length),
      paint(
        Float32Array.from(values, (value) => value ?? NaN),
        { low, high },
        colours,
      ),
    );
    putPixels(scale, colours.length, colours);
    const context = prepare(picture, width, height);
    context.imageSmoothingEnabled = cell < 1;
    context.drawImage(pixels, 0, 0, width, height);
    if (cell < PARTED) return;
    context.fillStyle = themeColour('editor-background');
    for (let i = 1; i < columns.length; i++) context.fillRect(i * cell - 1, 0, 1, height);
    for (let i = 1; i < rows.length; i++) context.fillRect(0, i * cell - 1, width, 1);
  };
  show(undefined);
  restyle();
  const legend = element('div', { class: 'legend' }, [
    element('span', { class: 'number', text: low.toFixed(2) }),
    scale,
    element('span', { class: 'number', text: high.toFixed(2) }),
  ]);
  return { root: element('div', { class: 'view heatmap' }, [element('div', { class: 'matrix' }, [names, area]), legend, said]), restyle };
}
