import '../common/ready';
import * as z from 'zod/mini';
import type { ComparedProbe, ComparisonReport } from '../../src/shared/comparison-types';
import { compareCommand } from '../../src/shared/command-line';
import { comparisonHost } from '../../src/shared/webview/comparison';
import { Chart } from '../common/chart';
import { Choice } from '../common/choice';
import { CommandLine } from '../common/command-line';
import { element, setAble } from '../common/dom';
import { connect, Memory } from '../common/link';
import { noticeView } from '../common/notice';
import { onThemeChange } from '../common/theme';
import { curveNames, curvePlot } from './model';
import { paretoPicture } from './pareto';
import { costTable, memberTable, pairTables, recommendations, resultTable } from './sections';
import '../common/base.css';
import './comparison.css';

/** The comparison on show, which the host reads when it restores the panel, and what was chosen in it. */
const memory = new Memory(z.object({ folder: z.string(), curve: z.string(), across: z.string(), up: z.string() }), {
  folder: '',
  curve: '',
  across: '',
  up: '',
});
const host = connect(comparisonHost);
const tell = (answer: Promise<unknown>): void => void answer.catch((error: unknown) => console.warn(error));
const button = (text: string, click: () => Promise<unknown>): HTMLElement =>
  element('button', { class: 'button', text, on: { click: () => tell(click()) } });

const name = element('h1');
const stop = button('Stop', () => host.request('stop', {}));
const resume = button('Resume', () => host.request('resume', {}));
const open = button('Open Report', () => host.request('openReport', {}));
const about = element('p', { class: 'muted' });
const status = element('p', { attributes: { 'aria-live': 'polite' } });
const command = new CommandLine((text) => host.request('copy', { text }));
const curve = new Choice('Measured', (value) => choose({ curve: value }));
const across = new Choice('Across', (value) => choose({ across: value }));
const up = new Choice('Up', (value) => choose({ up: value }));
const chart = new Chart('Learning curve', 'all variants');
const [choices, results, pareto, pairs, costs, members, notes] = Array.from({ length: 7 }, () => element('div', { class: 'content' }));
const curves = section('Learning curves', curve.root, chart.root);
const tasks = section('Two tasks at once', element('div', { class: 'choices' }, [across.root, up.root]), pareto!);
const page = element('div', { class: 'page', attributes: { hidden: '' } }, [
  element('header', {}, [
    element('div', { class: 'title' }, [name, element('div', { class: 'actions' }, [open, resume, stop])]),
    about,
    status,
    command.root,
  ]),
  section('Which to choose', choices!),
  section('Results', results!),
  curves,
  tasks,
  section('Differences', pairs!),
  section('Members', members!),
  section('Cost', costs!),
  section('What to know', notes!),
]);
const empty = element('div', { class: 'empty' });
document.getElementById('root')?.append(page, empty);

let report: ComparisonReport | undefined;

host.on('report', ({ folder, path, report: shown, live, written }) => {
  report = shown;
  memory.update({ folder });
  page.hidden = false;
  empty.replaceChildren();
  const count = (state: string): number => shown.members.filter((member) => member.state === state).length;
  const done = count('done') === shown.members.length;
  name.textContent = shown.name;
  about.textContent = `${shown.budget}; ${shown.seeds.length === 1 ? 'one seed' : `${shown.seeds.length} seeds`}; on ${shown.device}`;
  const failed = count('failed') > 0 ? `, ${count('failed')} failed` : '';
  status.textContent = live?.status ?? `${count('done')} of ${shown.members.length} members done${failed}`;
  stop.hidden = !live && count('running') === 0;
  setAble(stop, !live?.stopping);
  resume.hidden = done || !stop.hidden;
  open.hidden = !written;
  command.show(compareCommand(path, done ? '--report' : '--resume'));
  draw(shown);
});

host.on('notice', (notice) => {
  page.hidden = true;
  empty.replaceChildren(noticeView(notice, (action) => tell(host.request('act', { action }))));
});

function draw(shown: ComparisonReport): void {
  choices!.replaceChildren(
    ...(shown.recommendations.some(({ certainty, variant }) => certainty !== 'unknown' || variant !== '')
      ? recommendations(shown)
      : [
          element('p', {
            class: 'muted',
            text: shown.members.every(({ state }) => state === 'failed')
              ? 'No member has come to its end; below stands why.'
              : 'Nothing is measured yet. The view fills as members come to their end.',
          }),
        ]),
  );
  results!.replaceChildren(resultTable(shown));
  const differences = pairTables(shown);
  pairs!.replaceChildren(
    ...(differences.length > 0
      ? differences
      : [element('p', { class: 'muted', text: 'Differences are tested once two variants have two seeds each.' })]),
  );
  keepingFocus(members!, () => members!.replaceChildren(memberTable(shown, (run) => tell(host.request('openRun', { run })))));
  costs!.replaceChildren(costTable(shown));
  const lines = [
    ...shown.notes,
    ...shown.cells.flatMap(({ variant, probe, why }) => (why === undefined ? [] : [`No value of ${variant} on ${probe}: ${why}`])),
  ];
  notes!.replaceChildren(
    element(
      'ul',
      {},
      lines.map((text) => element('li', { text })),
    ),
  );
  drawPictures(shown);
}

/** What depends on a choice of the person's. */
function drawPictures(shown: ComparisonReport): void {
  const names = curveNames(shown);
  curves.hidden = names.length === 0;
  const wanted = names.includes(memory.value.curve) ? memory.value.curve : names[0];
  if (wanted !== undefined) {
    curve.offer(new Map(names.map((each) => [each, each])), wanted);
    chart.show(curvePlot(shown, wanted));
  }
  // Where numbers have no order, nothing is ahead on both.
  const probes = shown.probes.filter(({ mixed }) => !mixed);
  tasks.hidden = probes.length < 2;
  const find = (value: string): ComparedProbe | undefined => probes.find((probe) => probe.name === value);
  const first = find(memory.value.across) ?? probes[0];
  const second = find(memory.value.up) ?? probes.find((probe) => probe !== first);
  if (!first || !second) return;
  const options = new Map(probes.map((probe) => [probe.name, probe.name]));
  across.offer(options, first.name);
  up.offer(options, second.name);
  pareto!.replaceChildren(paretoPicture(shown, first, second));
}

function choose(change: Partial<typeof memory.value>): void {
  memory.update(change);
  if (report) drawPictures(report);
}

/** Draws anew what may hold the focus, and gives it back to the button that had it. */
function keepingFocus(place: HTMLElement, redraw: () => void): void {
  const buttons = (): HTMLElement[] => [...place.querySelectorAll<HTMLElement>('button')];
  const at = buttons().findIndex((each) => each === document.activeElement);
  redraw();
  buttons()[at]?.focus();
}

function section(title: string, ...content: HTMLElement[]): HTMLElement {
  return element('section', { attributes: { 'aria-label': title } }, [element('h2', { text: title }), ...content]);
}

onThemeChange(() => chart.restyle());
