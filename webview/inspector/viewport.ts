/** The side of a cell beyond which it only wastes room, in pixels. */
const LARGEST = 28;

/** The part of a square map of `count` × `count` cells that is in view, `side` pixels wide and high: its corner in cells, and the side of a cell in pixels. */
export interface Viewport {
  readonly count: number;
  readonly side: number;
  readonly x: number;
  readonly y: number;
  readonly cell: number;
}

export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** The whole map, in a square of at most `room` pixels. */
export function fitted(count: number, room: number): Viewport {
  const cell = Math.min(LARGEST, room / Math.max(1, count));
  return { count, side: cell * count, x: 0, y: 0, cell };
}

export const isFitted = ({ count, side, cell }: Viewport): boolean => cell * count <= side * 1.0001;

/** The same part in another room; what was the whole map stays the whole map. */
export function resized(view: Viewport, room: number): Viewport {
  const whole = fitted(view.count, room);
  return isFitted(view) ? whole : inside({ ...view, side: whole.side, cell: Math.max(view.cell, whole.cell) });
}

/** Makes cells `factor` times as large, while the point at (`left`, `top`) pixels stays where it is. */
export function zoomed(view: Viewport, factor: number, left: number, top: number): Viewport {
  const least = view.side / Math.max(1, view.count);
  const cell = Math.min(Math.max(view.cell * factor, least), LARGEST);
  return inside({ ...view, cell, x: view.x + left / view.cell - left / cell, y: view.y + top / view.cell - top / cell });
}

/** Moves the part in view by pixels. */
export function panned(view: Viewport, right: number, down: number): Viewport {
  return inside({ ...view, x: view.x + right / view.cell, y: view.y + down / view.cell });
}

/** Moves the part in view as little as shows a whole cell. */
export function showing(view: Viewport, { row, column }: Cell): Viewport {
  const span = view.side / view.cell;
  const near = (corner: number, place: number): number => Math.min(Math.max(corner, place + 1 - span), place);
  return inside({ ...view, x: near(view.x, column), y: near(view.y, row) });
}

/** The cell at a point of the view; undefined outside the map. */
export function cellAt({ x, y, cell, count, side }: Viewport, left: number, top: number): Cell | undefined {
  if (left < 0 || top < 0 || left >= side || top >= side) return undefined;
  const [row, column] = [Math.floor(y + top / cell), Math.floor(x + left / cell)];
  return row < count && column < count ? { row, column } : undefined;
}

function inside(view: Viewport): Viewport {
  const most = Math.max(0, view.count - view.side / view.cell);
  const clamp = (corner: number): number => Math.min(Math.max(0, corner), most);
  return { ...view, x: clamp(view.x), y: clamp(view.y) };
}
