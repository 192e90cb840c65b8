import '../common/ready';
import * as z from 'zod/mini';
import { RemoteError } from '../../src/shared/rpc';
import { inspectorHost, type Models, type Reading } from '../../src/shared/webview/inspector';
import type { Notice } from '../../src/shared/webview/view';
import { element } from '../common/dom';
import { connect, Memory } from '../common/link';
import { noticeView } from '../common/notice';
import { Tabs } from '../common/tabs';
import { onThemeChange } from '../common/theme';
import { BatchPanel } from './batch-panel';
import { ModelPicker, type PickerEvents } from './model-picker';
import type { Panel } from './panel';
import { SimilarityPanel, SimilarityState } from './similarity-panel';
import { TokensPanel } from './tokens-panel';
import '../common/base.css';
import './inspector.css';

const TABS = { tokens: 'Tokens', similarity: 'Similarity', batch: 'Training batch' } as const;
const Tab = z.enum(Object.keys(TABS) as (keyof typeof TABS)[]);
type Tab = z.infer<typeof Tab>;
const State = z.object({ tab: Tab, similarity: SimilarityState, uri: z.string(), hidden: z.array(z.int()) });

const memory = new Memory(State, {
  tab: 'tokens',
  similarity: { unit: 'sentence', view: 'heatmap', projection: 'umap' },
  uri: '',
  hidden: [],
});
/** As it was left: what is hidden belongs to that file. */
const left = memory.value;
const host = connect(inspectorHost);

/** Asks the host for something whose failure the host itself reports. */
const ask: typeof host.request = (method, params, options) => host.request(method, params, options);
const tell = (answer: Promise<unknown>): void => void answer.catch((error: unknown) => console.warn(error));

function explain(error: unknown): string | undefined {
  if (!(error instanceof RemoteError)) return String(error);
  // A newer reading is on its way.
  if (error.code === 'stale' || error.code === 'cancelled') return undefined;
  return error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
}

const file = element('p', { class: 'file' });
const choose: PickerEvents = {
  choose: (side, model, checkpoint) =>
    tell(ask('chooseModel', { side, ...(model !== undefined && { model }), ...(checkpoint !== undefined && { checkpoint }) })),
  browse: () => tell(ask('browseModel', {})),
};
const pickers = [new ModelPicker('first', choose), new ModelPicker('second', choose)] as const;
const copy = (text: string): Promise<unknown> => ask('copy', { text });

let models: Models | undefined;
let reading: Reading | undefined;
let cursor: number | undefined;
/** Those that were chosen once, and exist therefore. */
const panels = new Map<Tab, Panel>();
const tabs = new Tabs<Tab>('Inspector', TABS, (tab) => panelOf(tab).root, look);
const header = element('header', {}, [...pickers.map(({ root }) => root), file]);
const empty = element('div', { class: 'empty' });
document.getElementById('root')?.append(header, tabs.root, empty);
tabs.root.hidden = true;
tabs.show(memory.value.tab);

function create(tab: Tab): Panel {
  switch (tab) {
    case 'tokens':
      return new TokensPanel(
        {
          mask: (version, draw) => ask('mask', { version, draw }),
          predict: (version, side, spans, signal) => ask('predict', { version, side, spans }, { signal }),
          replace: (version, side, span, text, hidden) => ask('replace', { version, side, span, text, hidden }),
          attention: (version, index, layer, hidden) => ask('attention', { version, index, layer, hidden }),
          copy,
          onHide: (hidden) => memory.update({ hidden: [...hidden] }),
          explain,
        },
        left,
      );
    case 'similarity':
      return new SimilarityPanel(
        {
          request: ask,
          reveal: (uri, units) => tell(ask('reveal', { uri, spans: units.map(({ start, end }) => ({ start, end })) })),
          copy,
          explain,
        },
        memory.value.similarity,
        (state) => memory.update({ similarity: state }),
      );
    case 'batch':
      return new BatchPanel({ batch: (query) => ask('batch', query), model: () => reading?.model, copy, explain });
  }
}

/** A panel is built when its tab is first chosen, and told what the others have been told. */
function panelOf(tab: Tab): Panel {
  const there = panels.get(tab);
  if (there) return there;
  const made = create(tab);
  panels.set(tab, made);
  if (models) made.compare(models);
  if (reading) made.show?.(reading);
  if (cursor !== undefined) made.follow?.(cursor);
  return made;
}

/** Only the panel of one tab works, or none. */
function look(tab: Tab | undefined): void {
  if (tab !== undefined) memory.update({ tab });
  for (const [name, panel] of panels) panel.setVisible?.(name === tab);
}

function showReading(read: Reading): void {
  // The host tells it twice when the first may have been lost.
  if (read.version === reading?.version) return;
  reading = read;
  memory.update({ uri: read.uri });
  file.textContent = read.name;
  file.title = read.uri;
  tabs.root.hidden = false;
  empty.replaceChildren();
  for (const panel of panels.values()) panel.show?.(read);
  look(memory.value.tab);
}

function showNotice(notice: Notice): void {
  reading = undefined;
  file.textContent = '';
  tabs.root.hidden = true;
  look(undefined);
  empty.replaceChildren(noticeView(notice, (action) => tell(ask('act', { action }))));
}

host.on('models', (now) => {
  models = now;
  header.hidden = now.runs.length === 0;
  pickers[0].show(now.runs, now.first);
  pickers[1].show(now.runs, now.second);
  for (const panel of panels.values()) panel.compare(now);
});
host.on('reading', showReading);
host.on('cursor', ({ offset }) => {
  cursor = offset;
  for (const panel of panels.values()) panel.follow?.(offset);
});
host.on('notice', showNotice);
onThemeChange(() => {
  for (const panel of panels.values()) panel.redraw?.();
});
