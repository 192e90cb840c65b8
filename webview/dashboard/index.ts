import { provideVSCodeDesignSystem, vsCodeButton } from '@vscode/webview-ui-toolkit';
import { z } from 'zod';
import { formatCount, formatDuration, formatLarge, formatNats, formatRate, secondsLeft } from '../../src/shared/format';
import type { RunSummary } from '../../src/shared/types';
import { dashboardHost } from '../../src/shared/webview-protocol';
import { element } from '../common/dom';
import { connect, Memory } from '../common/link';
import { noticeView } from '../common/notice';
import { onThemeChange } from '../common/theme';
import { LossChart } from './loss-chart';
import { furtherMetrics, History, titleOf } from './model';
import 'uplot/dist/uPlot.min.css';
import '../common/base.css';
import './dashboard.css';

provideVSCodeDesignSystem().register(vsCodeButton());

/** The run on show, which the host reads when it restores the panel. */
const memory = new Memory(z.object({ run: z.string() }), { run: '' });
const host = connect(dashboardHost);
const tell = (answer: Promise<unknown>): void => void answer.catch((error: unknown) => console.warn(error));

const name = element('h1');
const state = element('span', { class: 'state' });
const stop = element('vscode-button', {
  text: 'Stop',
  attributes: { appearance: 'secondary' },
  on: { click: () => tell(host.request('stopRun', {})) },
});
const inspect = element('vscode-button', {
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
  element('div', { class: 'title' }, [name, state, element('div', { class: 'actions' }, [inspect, stop])]),
  progress,
  facts,
  status,
]);
const page = element('div', { class: 'page', attributes: { hidden: '' } }, [header, plots]);
const empty = element('div', { class: 'empty' });
document.getElementById('root')?.append(page, empty);

let run: RunSummary | undefined;
let history = new History();
const charts = new Map<string, { chart: LossChart; metrics: HTMLElement }>();

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
  // Only the run that this window trains has a status, and only that one can be stopped from here.
  stop.hidden = !live || doing === undefined;
  inspect.toggleAttribute('disabled', shown.checkpoint === undefined);
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
  charts.clear();
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
    ['Checkpoint', run.checkpoint === undefined ? 'none yet' : `step ${formatCount(run.checkpoint)}`],
  ];
  facts.replaceChildren(
    ...rows.flatMap(([label, value]) =>
      value === undefined ? [] : [element('div', {}, [element('dt', { text: label }), element('dd', { class: 'number', text: value })])],
    ),
  );
}

function drawCharts(): void {
  for (const objective of history.objectives) {
    const { chart, metrics } = charts.get(objective) ?? addChart(objective);
    chart.show(history.curves(objective, run?.steps ?? 0), objective === 'mlm' ? history.evaluation?.unigram : undefined);
    metrics.textContent = furtherMetrics(history.evaluation, objective)
      .map(([metric, value]) => `${metric} ${formatNats(value)}`)
      .join(' · ');
  }
}

function addChart(objective: string): { chart: LossChart; metrics: HTMLElement } {
  const chart = new LossChart(titleOf(objective));
  const metrics = element('p', { class: 'metrics muted number', attributes: { 'aria-label': 'Held-out metrics' } });
  chart.root.append(metrics);
  plots.append(chart.root);
  const made = { chart, metrics };
  charts.set(objective, made);
  return made;
}

onThemeChange(() => {
  for (const { chart } of charts.values()) chart.restyle();
});
tell(host.request('ready', {}));
