import type { CurveView, View } from '../../src/shared/views';
import { element } from '../common/dom';
import { Chart } from '../common/chart';
import type { Drawn } from './index';

/** The learning curves of a run, which grow while it goes on. */
export function curve(first: CurveView): Drawn {
  const title = element('h3');
  const note = element('p', { class: 'muted', attributes: { 'aria-live': 'polite' } });
  const place = element('div', { class: 'charts' });
  let charts: Chart[] = [];
  let names = '';
  const show = (view: CurveView): void => {
    title.textContent = view.title;
    note.textContent = view.note;
    const titles = view.plots.map((plot) => plot.title).join('\n');
    if (titles !== names) {
      charts = view.plots.map((plot) => new Chart(plot.title, view.title));
      place.replaceChildren(...charts.map(({ root }) => root));
      names = titles;
    }
    charts.forEach((chart, i) => chart.show(view.plots[i]!));
  };
  const update = (view: View): boolean => {
    if (view.kind !== 'curve') return false;
    show(view);
    return true;
  };
  show(first);
  return {
    root: element('div', { class: 'view curve' }, [title, note, place]),
    update,
    restyle: () => {
      for (const chart of charts) chart.restyle();
    },
  };
}
