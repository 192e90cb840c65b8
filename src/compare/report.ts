import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ComparisonReport, type ComparedProbe } from '../shared/comparison-types';
import { replaceFile } from '../train/storage';
import { analyse } from './analysis';
import { curveCharts, paretoChart } from './charts';
import { curvesOf } from './curves';
import { markdownOf } from './markdown';
import { readPlan } from './plan';
import { readRecord } from './record';

/** What a comparison found so far, from its members' files. @throws UserError (code `comparison`) when the folder holds none */
export function reportOf(folder: string): ComparisonReport {
  const plan = readPlan(folder);
  const records = plan.members.map(({ id }) => readRecord(folder, id));
  return analyse(plan, records, curvesOf(plan, records, folder));
}

/** Writes `report.json`, `report.md` and its pictures into a comparison's folder, and gives the report. */
export function writeReport(folder: string): ComparisonReport {
  const report = reportOf(folder);
  const pictures = new Map<string, string>();
  const add = (title: string, file: string, svg: string | undefined): void => {
    if (svg === undefined) return;
    replaceFile(join(folder, file), svg);
    pictures.set(title, file);
  };
  const [first, second] = tasksOf(report);
  if (first && second) add(`${first.name} and ${second.name}`, 'pareto.svg', paretoChart(report, first, second));
  for (const [file, svg] of curveCharts(report)) add(`Learning curve: ${file.slice('curve-'.length, -'.svg'.length)}`, file, svg);
  replaceFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  replaceFile(join(folder, 'report.md'), markdownOf(report, pictures));
  return report;
}

/** Two tasks that many variants can do, for the picture of both: the first of different types. Where numbers have no order, there is no front. */
function tasksOf({ probes, cells }: ComparisonReport): ComparedProbe[] {
  const known = (probe: ComparedProbe): number => cells.filter((cell) => cell.probe === probe.name && cell.result).length;
  const [first, ...others] = probes.filter(({ mixed }) => !mixed).sort((a, b) => known(b) - known(a));
  const second = others.find(({ type }) => type !== first?.type) ?? others[0];
  return first && second ? [first, second] : [];
}

/** The report as it was written last, or undefined when there is none yet. */
export function writtenReport(folder: string): ComparisonReport | undefined {
  const path = join(folder, 'report.json');
  return existsSync(path) ? ComparisonReport.parse(JSON.parse(readFileSync(path, 'utf8'))) : undefined;
}
