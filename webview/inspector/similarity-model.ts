import type { Similarity, TextUnit, Unit } from '../../src/shared/types';
import { formatCount, shortened } from '../../src/shared/format';

const NAMES: Readonly<Record<Unit, readonly [one: string, many: string]>> = {
  sentence: ['Sentence', 'sentences'],
  line: ['Line', 'lines'],
  paragraph: ['Paragraph', 'paragraphs'],
};

export const unitName = (unit: Unit): string => NAMES[unit][0];

/** `The first 200 sentences, each with each` */
export function describeUnits(count: number, limit: number, unit: Unit): string {
  const names = NAMES[unit][1];
  if (count === 0) return `The file has no ${names}: there is no text in it yet.`;
  if (count === 1) return `The file has one ${unit} only: there is nothing to compare it with.`;
  return `${count >= limit ? 'The first ' : ''}${formatCount(count)} ${names}`;
}

/** The lowest and highest similarity of two different units; the diagonal is always 1 and says nothing. */
export function offDiagonalRange({ units: { length: count }, matrix }: Similarity): Range {
  let [low, high] = [Infinity, -Infinity];
  for (let row = 0, at = 0; row < count; row++) {
    for (let column = 0; column < count; column++, at++) {
      if (row === column) continue;
      const value = matrix[at]!;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? { low, high } : { low: 0, high: 1 };
}

/** A range about 0 that holds another, so that 0 is in the middle of a scale. */
export function balanced({ low, high }: Range): Range {
  const reach = Math.max(Math.abs(low), Math.abs(high));
  return { low: -reach, high: reach };
}

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The pixel of every value of a matrix: `low` and what is below has the first colour, `high` and what is above the last. */
export function paint(matrix: Float32Array, { low, high }: Range, colours: Uint32Array): Uint32Array<ArrayBuffer> {
  const pixels = new Uint32Array(matrix.length);
  const last = colours.length - 1;
  const scale = last / (high - low);
  for (let i = 0; i < matrix.length; i++) {
    const value = matrix[i]!;
    pixels[i] = colours[value >= high ? last : value <= low ? 0 : Math.round((value - low) * scale)]!;
  }
  return pixels;
}

/** The index of the unit at an offset of the text, or of the next one; undefined after the last. Units are in the order of the text. */
export function unitAtOffset(units: readonly TextUnit[], offset: number): number | undefined {
  let [low, high] = [0, units.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (units[middle]!.end < offset) low = middle + 1;
    else high = middle;
  }
  return low < units.length ? low : undefined;
}

/** How much of a unit is read out. */
const SPOKEN = 120;

/** A unit for a screen reader: `Sentence 12: Call me Ishmael.` */
export function spokenUnit(units: readonly TextUnit[], index: number, name: string): string {
  const text = (units[index]?.text ?? '').replace(/\s+/g, ' ');
  return `${name} ${index + 1}: ${shortened(text, SPOKEN)}`;
}
