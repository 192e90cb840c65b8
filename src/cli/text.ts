/** Columns of text, the first to the left and the others to the right unless `left` names them (from 0). */
export function grid(lines: readonly (readonly string[])[], left: readonly number[] = [0]): string {
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, i) => (left.includes(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Running text in lines of at most `width` characters, broken between words. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Characters that a line of the terminal should hold: no fewer than 80, and no more than can be read with ease. */
export const pageWidth = (): number => Math.min(Math.max(process.stdout.columns || 100, 80), 120);
