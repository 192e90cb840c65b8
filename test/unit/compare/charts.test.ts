import { expect, it } from 'vitest';
import { paretoChart } from '../../../src/compare/charts';
import type { ComparedProbe, ComparisonReport } from '../../../src/shared/comparison-types';

const probe = (name: string): ComparedProbe => ({ name, type: 'classification', metric: 'accuracy', better: 'higher', leaks: {} });
const [x, y] = [probe('x'), probe('y')];
const places = { a: [0.5, 0.9], b: [0.8, 0.8], c: [0.4, 0.4] } as const;
const report = {
  variants: Object.keys(places).map((name) => ({ name })),
  cells: Object.entries(places).flatMap(([variant, means]) =>
    means.map((mean, i) => ({ variant, probe: [x, y][i]!.name, result: { mean, low: mean - 0.1, high: mean + 0.1, values: [mean] } })),
  ),
} as unknown as ComparisonReport;

it('the front of a Pareto picture lies below the points that it joins, and hides none of their colours', () => {
  const lines = paretoChart(report, x, y)!.split('\n');
  const front = lines.findIndex((line) => line.startsWith('<polyline'));
  const circles = lines.flatMap((line, i) => (line.startsWith('<circle') ? [i] : []));
  // A point and a line of the legend for each variant, and nothing of the front's.
  expect(circles).toHaveLength(2 * Object.keys(places).length);
  expect(Math.min(...circles)).toBeGreaterThan(front);
  const centres = new Map(circles.map((i) => [/cx="(.*?)" cy="(.*?)"/.exec(lines[i]!)!.slice(1).join(), lines[i]]));
  for (const joined of /points="(.*?)"/.exec(lines[front]!)![1]!.split(' '))
    expect(centres.get(joined)).toMatch(/fill="#0072b2|fill="#d55e00/);
  expect(lines.join('\n')).toContain('>not beaten on both<');
});
