import type { TableCell, TableView, TextView } from '../../shared/views';
import { escape } from './text';

export const showCell = (cell: TableCell): string =>
  cell === null ? '' : typeof cell === 'number' && !Number.isInteger(cell) ? String(Number(cell.toPrecision(4))) : String(cell);

/** Plain HTML, which keeps its meaning where styles are taken away. */
export function tableHtml({ columns, rows, note }: TableView): string {
  const cell = (tag: 'td' | 'th', value: TableCell): string =>
    `<${tag} align="${typeof value === 'number' ? 'right' : 'left'}">${escape(showCell(value))}</${tag}>`;
  const head = `<tr>${columns.map((column, i) => `<th align="${typeof rows[0]?.[i] === 'number' ? 'right' : 'left'}">${escape(column)}</th>`).join('')}</tr>`;
  const body = rows.map((row) => `<tr>${row.map((value) => cell('td', value)).join('')}</tr>`).join('\n');
  return `<table><thead>${head}</thead><tbody>\n${body}\n</tbody></table>${note === undefined ? '' : `<p>${escape(note)}</p>`}`;
}

export function tableText({ columns, rows, note }: TableView): string {
  const all = [columns, ...rows.map((row) => row.map(showCell))];
  const widths = columns.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)));
  const lines = all.map((row) =>
    row
      .map((value, i) => (typeof rows[0]?.[i] === 'number' ? value.padStart(widths[i]!) : value.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, ...(note === undefined ? [] : [note])].join('\n');
}

/** From this value on a part is bold as well: sites that show notebooks may take all colours away. */
const BOLD = 0.7;

/** The marks are translucent, so that the page's own ink stays readable on them. */
export function textHtml({ parts, note }: TextView): string {
  const marked = parts.map(({ text, value, title }) => {
    const shown = escape(text).replaceAll('\n', '<br>');
    if (value === undefined) return shown;
    const style = `background-color: rgba(229, 116, 15, ${(0.75 * Math.min(1, Math.max(0, value))).toFixed(2)}); border-radius: 2px`;
    const name = value >= BOLD ? 'b' : 'span';
    return `<${name} style="${style}"${title === undefined ? '' : ` title="${escape(title)}"`}>${shown}</${name}>`;
  });
  return `<p style="line-height: 1.7">${marked.join('')}</p>${note === undefined ? '' : `<p>${escape(note)}</p>`}`;
}
