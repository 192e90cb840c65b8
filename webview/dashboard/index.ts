import '../common/ready';
import * as z from 'zod/mini';
import { formatCount, formatDuration, formatLarge, formatNats, formatProbability, formatRate, secondsLeft } from '../../src/shared/format';
import type { ObjectiveSummary, RunSummary } from '../../src/shared/types';
import { dashboardHost } from '../../src/shared/webview/dashboard';
import { element, setAble } from '../common/dom';
import { connect, Memory } from '../common/link';
import { noticeView } from '../common/notice';
import { onThemeChange } from '../common/theme';
import { furtherMetrics, History } from '../../src/shared/learning-curves';
import { Section } from './section';
import '../common/base.css';
import './dashboard.css';

/** The run on show, which the host reads when it restores the panel. */
const memory = new Memory(z.object({ run: z.string() }), { run: '' });
const host = connect(dashboardHost);
const tell = (answer: Promise<unknown>): void => void answer.catch((error: unknown) => console.warn(error));

const name = element('h1');
const state = element('span', { class: 'state' });
const stop = element('button', {
  class: 'button',
  text: 'Stop',
  on: { click: () => run && tell(host.request('stopRun', { run: run.folder })) },
});
const resume = element('button', {
  class: 'button',
  text: 'Resume',
  on: { click: () => run && tell(host.request('resumeRun', { run: run.folder })) },
});
const inspect = element('button', {
  class: 'button primary',
  text: 'Open Inspector',
  on: { click: () => run && tell(host.request('inspectRun', { run: run.folder })) },
});
const bar = element('div', { class: 'bar' });
const progress = element(
  'div',
  { class: 'progress', attributes: { role: 'progressbar', 'aria-label': 'Steps done', 'aria-valuemin': '0', 'aria-valuemax': '100' } },
  [bar],
);
const facts = element('dl', { class: 'facts' });
const status = element('p', { class: 'muted', attributes: { 'aria-live': 'polite' } });
const plots = element('div', { class: 'plots' });
const header = element('header', {}, [
  element('div', { class: 'title' }, [name, state, element('div', { class: 'actions' }, [inspect, resume, stop])]),
  progress,
  facts,
  status,
]);
const page = element('div', { class: 'page', attributes: { hidden: '' } }, [header, plots]);
const empty = element('div', { class: 'empty' });
document.getElementById('root')?.append(page, empty);

let run: RunSummary | undefined;
let history = new History();
let known: ReadonlyMap<string, ObjectiveSummary> = new Map();
/** What is drawn of each objective, and of the balance between them, by title. */
const sections = new Map<string, Section>();

host.on('objectives', (objectives) => {
  known = new Map(objectives.map((objective) => [objective.type, objective]));
  clear();
  drawCharts();
});

host.on('run', ({ run: shown, status: doing, device, parameters }) => {
  if (shown.folder !== run?.folder) reset();
  run = shown;
  memory.update({ run: shown.folder });
  page.hidden = false;
  empty.replaceChildren();
  const live = shown.state === 'running' || shown.state === 'preparing';
  name.textContent = shown.name;
  state.textContent = shown.state;
  state.dataset.state = shown.state;
  stop.hidden = !live;
  resume.hidden = live || shown.state === 'completed';
  setAble(inspect, shown.checkpoint !== undefined);
  const about = [parameters === undefined ? undefined : `${formatLarge(parameters)} parameters`, device]
    .filter((part) => part !== undefined)
    .join(' on ');
  status.textContent = shown.message ?? (shown.state === 'preparing' ? (doing ?? '') : about);
  drawFacts();
});

host.on('metrics', ({ run: folder, reset: anew, lines }) => {
  if (folder !== run?.folder) return;
  if (anew) history = new History();
  history.add(lines);
  drawFacts();
  drawCharts();
});

host.on('notice', (notice) => {
  page.hidden = true;
  empty.replaceChildren(noticeView(notice, (action) => tell(host.request('act', { action }))));
});

function reset(): void {
  history = new History();
  clear();
}

function clear(): void {
  sections.clear();
  plots.replaceChildren();
}

function drawFacts(): void {
  if (!run) return;
  const { last } = history;
  const step = last?.step ?? run.step;
  const left = last && run.state === 'running' ? secondsLeft({ step, steps: run.steps, seconds: last.seconds }) : undefined;
  const done = run.steps > 0 ? Math.min(100, (100 * step) / run.steps) : 0;
  bar.style.width = `${done}%`;
  progress.setAttribute('aria-valuenow', String(Math.round(done)));
  const rows: [string, string | undefined][] = [
    ['Step', `${formatCount(step)} of ${formatCount(run.steps)}`],
    ['Time left', left === undefined ? undefined : formatDuration(left)],
    ['Time', last && formatDuration(last.seconds)],
    ['Tokens/s', last && last.seconds > 0 ? formatLarge(last.tokens / last.seconds) : undefined],
    ['Learning rate', last?.learningRate === undefined ? undefined : formatRate(last.learningRate)],
    ['Gradient norm', last?.gradientNorm === undefined ? undefined : formatNats(last.gradientNorm)],
    ['Waiting for data', history.dataWait === undefined ? undefined : formatProbability(history.dataWait)],
    ['Checkpoint', run.checkpoint === undefined ? 'none yet' : `step ${formatCount(run.checkpoint)}`],
  ];
  facts.replaceChildren(
    ...rows.flatMap(([label, value]) =>
      value === undefined ? [] : [element('div', {}, [element('dt', { text: label }), element('dd', { class: 'number', text: value })])],
    ),
  );
}

function drawCharts(): void {
  if (!run) return;
  const { baselines, steps } = run;
  for (const objective of history.objectives) {
    const { title = objective, metrics: words = {} } = known.get(objective) ?? {};
    const metrics = furtherMetrics(history.evaluation, objective, baselines).map(([name, value]) =>
      element('span', { text: `${name} ${formatNats(value)}`, attributes: { title: words[name] ?? '' } }),
    );
    section(title).show(history.plots(objective, baselines, steps), metrics);
  }
  const probes = history.probes();
  if (probes.length > 0) section('Downstream tasks').show(probes);
  const norms = history.gradientNorms(steps);
  if (norms) section('Balance of the objectives').show([norms]);
}

function section(title: string): Section {
  const there = sections.get(title);
  if (there) return there;
  const made = new Section(title);
  sections.set(title, made);
  plots.append(made.root);
  return made;
}

onThemeChange(() => {
  for (const each of sections.values()) each.restyle();
});
