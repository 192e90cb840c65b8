import { median, quantile } from './statistics.mjs';

const HEADER = ['preset', 'peer', 'threads', 'ours ms', 'peer ms', 'peer/ours', '10 % to 90 %', 'turns'];

/** What was measured, as text: a table, and the versions of everything in it. */
export function report({ machine, dropout, versions, rows }) {
  const { processor, cores, platform } = machine;
  const used = Object.entries(versions).map(([name, of]) => `${name}: ${Object.entries(of).flat().join(' ')}`);
  const head = `${processor}, ${cores} cores, ${platform}; dropout ${dropout}; threads are ours / peer's`;
  return [head, '', ...grid(rows.map(cells)), '', ...used, ''].join('\n');
}

/** The cells of a row, or its first two and the reason why there are no more. */
function cells({ preset, peer, threads, pairs, reason }) {
  if (reason) return [preset, peer, reason];
  const ratios = pairs.map(([ours, other]) => other / ours);
  const milliseconds = [0, 1].map((i) => median(pairs.map((pair) => pair[i])).toFixed(0));
  const spread = [0.1, 0.9].map((share) => quantile(ratios, share).toFixed(2)).join(' to ');
  return [preset, peer, threads.join(' / '), ...milliseconds, median(ratios).toFixed(2), spread, String(pairs.length)];
}

/** Columns, the first two to the left and the others to the right. A reason runs over the columns that it has no numbers for. */
function grid(rows) {
  const lines = [HEADER, ...rows];
  const widths = HEADER.map((_, i) =>
    Math.max(...lines.filter((line) => i < 2 || line.length === HEADER.length).map((line) => line[i].length)),
  );
  return lines.map((line) => line.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '));
}
