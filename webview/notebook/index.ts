import uplotStyles from 'uplot/dist/uPlot.min.css';
import { View } from '../../src/shared/views';
import chartStyles from '../common/chart.css';
import { element } from '../common/dom';
import { onThemeChange } from '../common/theme';
import { curve } from './curve';
import { heatmap } from './heatmap';
import { bars, predictions, table, text } from './lists';
import { map } from './map';
import styles from './notebook.css';

/** What is drawn of a view. `update` takes up another view of the same kind, if it can. */
export interface Drawn {
  readonly root: HTMLElement;
  readonly update?: (view: View) => boolean;
  /** Draws anew in the theme's colours. */
  readonly restyle?: () => void;
}

/** The parts of VS Code's notebook renderer API that are used here. */
interface OutputItem {
  readonly id: string;
  json(): unknown;
}

const mounted = new Map<string, { readonly place: HTMLElement; readonly drawn: Drawn }>();

/** VS Code calls it once for a notebook; everything that an output holds is shown as text, and nothing of it is run. */
export function activate(): { renderOutputItem: (item: OutputItem, place: HTMLElement) => void; disposeOutputItem: (id?: string) => void } {
  onThemeChange(() => {
    for (const { drawn } of mounted.values()) drawn.restyle?.();
  });
  return {
    renderOutputItem(item, place) {
      const { success, data } = View.safeParse(item.json());
      const known = mounted.get(item.id);
      if (success && known?.place === place && known.drawn.update?.(data)) return;
      const drawn = success
        ? draw(data)
        : { root: element('p', { text: 'This output cannot be read: it may be of a newer version of Objective Lab.' }) };
      mounted.set(item.id, { place, drawn });
      // A root of its own: its styles and those of other outputs do not meet.
      const shadow = place.shadowRoot ?? place.attachShadow({ mode: 'open' });
      shadow.replaceChildren(element('style', { text: [uplotStyles, chartStyles, styles].join('\n') }), drawn.root);
    },
    disposeOutputItem(id) {
      if (id === undefined) mounted.clear();
      else mounted.delete(id);
    },
  };
}

function draw(view: View): Drawn {
  switch (view.kind) {
    case 'predictions':
      return predictions(view);
    case 'heatmap':
      return heatmap(view);
    case 'map':
      return map(view);
    case 'curve':
      return curve(view);
    case 'table':
      return table(view);
    case 'text':
      return text(view);
    case 'bars':
      return bars(view);
  }
}
