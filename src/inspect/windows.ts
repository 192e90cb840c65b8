/** A stretch of a text that is read at once, and the hidden tokens predicted in it. Indices count tokens of the text; `end` is exclusive. */
export interface Window {
  readonly start: number;
  readonly end: number;
  readonly hidden: readonly number[];
}

/**
 * Covers hidden tokens with few windows of at most `size` tokens that keep context on both sides of each: hidden tokens within half a window share
 * one, centred on them, so that a quarter of it or more lies on either side, but for the text's own ends.
 *
 * @param hidden in rising order
 * @param most hidden tokens in one window
 */
export function planWindows(length: number, hidden: readonly number[], size: number, most: number): Window[] {
  const windows: Window[] = [];
  for (let next = 0; next < hidden.length;) {
    const first = hidden[next]!;
    const reach = Math.floor(size / 2);
    const members = [first];
    while (members.length < most && next + members.length < hidden.length && hidden[next + members.length]! - first < reach)
      members.push(hidden[next + members.length]!);
    const middle = Math.floor((first + members.at(-1)!) / 2);
    const start = Math.max(0, Math.min(middle - reach, length - size));
    windows.push({ start, end: Math.min(length, start + size), hidden: members });
    next += members.length;
  }
  return windows;
}
