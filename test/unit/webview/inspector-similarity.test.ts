import { describe, expect, it } from 'vitest';
import type { TextUnit } from '../../../src/shared/types';
import { colourAt, colourTable, cssColour } from '../../../webview/inspector/colours';
import { nearestPoint, placePoints, pointTowards } from '../../../webview/inspector/map-model';
import { describeUnits, offDiagonalRange, paint, spokenUnit, unitAtOffset } from '../../../webview/inspector/similarity-model';
import { cellAt, fitted, isFitted, panned, resized, showing, zoomed } from '../../../webview/inspector/viewport';

const units = (...spans: readonly (readonly [number, number])[]): TextUnit[] =>
  spans.map(([start, end], index) => ({ start, end, text: `Unit ${index}` }));

describe('the colours of a heatmap', () => {
  it('run evenly through the stops', () => {
    const stops = [
      [0, 0, 0],
      [100, 50, 0],
      [200, 0, 255],
    ] as const;
    expect([-1, 0, 0.25, 0.5, 1, 2].map((at) => colourAt(stops, at))).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [50, 25, 0],
      [100, 50, 0],
      [200, 0, 255],
      [200, 0, 255],
    ]);
  });

  it('become opaque pixels that a canvas takes as they are', () => {
    const table = colourTable([
      [1, 2, 3],
      [251, 252, 253],
    ]);
    expect(table).toHaveLength(256);
    expect([...new Uint8ClampedArray(table.buffer).subarray(0, 4)]).toEqual([1, 2, 3, 255]);
    expect([...new Uint8ClampedArray(table.buffer).subarray(-4)]).toEqual([251, 252, 253, 255]);
    expect([table[0]!, table[255]!].map(cssColour)).toEqual(['rgb(1 2 3)', 'rgb(251 252 253)']);
  });

  it('are spread over the pairs of different units', () => {
    const matrix = Float32Array.of(1, 0.5, -0.25, 0.5, 1, 0, -0.25, 0, 1);
    expect(offDiagonalRange({ units: units([0, 1], [2, 3], [4, 5]), matrix })).toEqual({ low: -0.25, high: 0.5 });
    expect(offDiagonalRange({ units: units([0, 1]), matrix: Float32Array.of(1) })).toEqual({ low: 0, high: 1 });
    const colours = Uint32Array.of(10, 11, 12, 13);
    expect([...paint(matrix, { low: -0.25, high: 0.5 }, colours)]).toEqual([13, 13, 10, 13, 13, 11, 10, 11, 13]);
  });

  it('are the highest where all pairs are alike', () => {
    expect([...paint(Float32Array.of(0.5, 0.5), { low: 0.5, high: 0.5 }, Uint32Array.of(10, 11))]).toEqual([11, 11]);
  });
});

describe('the part of a heatmap in view', () => {
  it('is at first the whole map, with cells that are not huge', () => {
    expect(fitted(2_000, 600)).toEqual({ count: 2_000, side: 600, x: 0, y: 0, cell: 0.3 });
    expect(fitted(4, 600)).toMatchObject({ side: 112, cell: 28 });
  });

  it('is zoomed around the pointer: what is under it stays there', () => {
    let view = fitted(2_000, 600);
    const before = cellAt(view, 451, 127);
    for (let press = 0; press < 8; press++) view = zoomed(view, 1.5, 451, 127);
    expect(view.cell).toBeCloseTo(0.3 * 1.5 ** 8, 5);
    expect(cellAt(view, 451, 127)).toEqual(before);
    expect(isFitted(view)).toBe(false);
  });

  it('neither shrinks below the whole map nor grows without end', () => {
    const view = fitted(100, 600);
    expect(zoomed(view, 0.1, 300, 300)).toEqual(view);
    expect(zoomed(view, 1e9, 0, 0).cell).toBe(28);
    expect(isFitted(zoomed(zoomed(view, 3, 500, 20), 1 / 3, 10, 590))).toBe(true);
  });

  it('stays on the map when it is moved', () => {
    const view = zoomed(fitted(100, 600), 4, 0, 0);
    expect(panned(view, 48, 24)).toMatchObject({ x: 2, y: 1 });
    expect(panned(view, -100, 1e6)).toMatchObject({ x: 0, y: 75 });
  });

  it('follows the cursor no further than needed', () => {
    const view = zoomed(fitted(100, 600), 4, 0, 0);
    expect(showing(view, { row: 24, column: 0 })).toEqual(view);
    expect(showing(view, { row: 25, column: 99 })).toMatchObject({ y: 1, x: 75 });
    expect(showing({ ...view, x: 50, y: 50 }, { row: 10, column: 60 })).toMatchObject({ y: 10, x: 50 });
  });

  it('keeps cells and place in another room, and the whole map whole', () => {
    expect(resized(fitted(100, 600), 300)).toEqual(fitted(100, 300));
    const view = { ...zoomed(fitted(100, 600), 4, 0, 0), x: 70, y: 10 };
    expect(resized(view, 300)).toMatchObject({ side: 300, cell: 24, x: 70, y: 10 });
    expect(resized(view, 1_200)).toMatchObject({ side: 1_200, cell: 24, x: 50, y: 10 });
  });

  it('has no cell outside', () => {
    const view = fitted(4, 600);
    expect(cellAt(view, 111, 0)).toEqual({ row: 0, column: 3 });
    expect([cellAt(view, 112, 0), cellAt(view, -1, 5), cellAt(view, 5, 112)]).toEqual([undefined, undefined, undefined]);
  });
});

describe('units', () => {
  it('are found at an offset, otherwise the next one', () => {
    const text = units([2, 5], [6, 9], [20, 30]);
    expect([0, 2, 5, 6, 10, 25, 30, 31].map((offset) => unitAtOffset(text, offset))).toEqual([0, 0, 0, 1, 2, 2, 2, undefined]);
    expect(unitAtOffset([], 3)).toBeUndefined();
  });

  it('are counted in words, also where there is nothing to compare', () => {
    expect(describeUnits(12, 200, 'sentence')).toBe('12 sentences');
    expect(describeUnits(2_000, 2_000, 'line')).toBe('The first 2,000 lines');
    expect(describeUnits(1, 200, 'paragraph')).toMatch(/one paragraph only/);
    expect(describeUnits(0, 200, 'sentence')).toMatch(/no text/);
  });

  it('are read out in one line and not for ever', () => {
    const text = [
      { start: 0, end: 9, text: 'Call  me\nIshmael.' },
      { start: 9, end: 999, text: 'a'.repeat(990) },
    ];
    expect(spokenUnit(text, 0, 'Row')).toBe('Row 1: Call me Ishmael.');
    expect(spokenUnit(text, 1, 'Row').length).toBeLessThan(150);
  });
});

describe('the map of a text', () => {
  it('keeps distances, up up, and the margin', () => {
    const placed = placePoints(Float32Array.of(0, 0, 4, 0, 0, 2), 220, 220, 10);
    expect([...placed]).toEqual([10, 160, 210, 160, 10, 60]);
  });

  it('places points that have no extent in the middle', () => {
    expect([...placePoints(Float32Array.of(3, 3, 3, 3), 100, 50, 10)]).toEqual([50, 25, 50, 25]);
    expect([...placePoints(Float32Array.of(1, 5, 3, 5), 100, 50, 10)]).toEqual([10, 25, 90, 25]);
    expect([...placePoints(new Float32Array(), 100, 50, 10)]).toEqual([]);
  });

  it('finds the nearest point within reach', () => {
    const placed = Float32Array.of(0, 0, 10, 0, 10, 10);
    expect([nearestPoint(placed, 9, 2, 5), nearestPoint(placed, 9, 8, 5), nearestPoint(placed, 50, 50, 5)]).toEqual([1, 2, undefined]);
  });

  it('goes to the nearest point in a direction, and stops at the edge', () => {
    //  3 . . . 2
    //  . . 0 1 .
    //  . . . . 4
    const placed = Float32Array.of(20, 10, 30, 10, 40, 0, 0, 0, 40, 20);
    expect(pointTowards(placed, 0, 1, 0)).toBe(1);
    expect(pointTowards(placed, 1, 1, 0)).toBe(2);
    expect(pointTowards(placed, 0, -1, 0)).toBe(3);
    expect(pointTowards(placed, 0, 0, 1)).toBe(4);
    expect(pointTowards(placed, 1, 0, -1)).toBe(2);
    expect(pointTowards(placed, 3, -1, 0)).toBeUndefined();
    expect(pointTowards(placed, 4, 0, 1)).toBeUndefined();
  });
});
