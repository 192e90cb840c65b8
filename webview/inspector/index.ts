import '../common/ready';
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeDropdown,
  vsCodeOption,
  vsCodePanels,
  vsCodePanelTab,
  vsCodePanelView,
} from '@vscode/webview-ui-toolkit';
import * as z from 'zod';
import { RemoteError } from '../../src/shared/rpc';
import { inspectorHost, type Notice, type Reading } from '../../src/shared/webview-protocol';
import { element } from '../common/dom';
import { connect, Memory } from '../common/link';
import { noticeView } from '../common/notice';
import { onThemeChange } from '../common/theme';
import { BatchPanel } from './batch-panel';
import { ModelPicker, type PickerEvents } from './model-picker';
import { SimilarityPanel, SimilarityState } from './similarity-panel';
import { TokensPanel } from './tokens-panel';
import '../common/base.css';
import './inspector.css';

provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeDropdown(), vsCodeOption(), vsCodePanels(), vsCodePanelTab(), vsCodePanelView());

const Tab = z.enum(['tokens', 'similarity', 'batch']);
const State = z.object({ tab: Tab, similarity: SimilarityState, uri: z.string(), hidden: z.array(z.int()) });

const memory = new Memory(State, {
  tab: 'tokens',
  similarity: { unit: 'sentence', view: 'heatmap', projection: 'umap' },
  uri: '',
  hidden: [],
});
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
let shown: Reading | undefined;
const tokens = new TokensPanel(
  {
    mask: (version, draw) => ask('mask', { version, draw }),
    predict: (version, side, spans, signal) => ask('predict', { version, side, spans }, { signal }),
    replace: (version, side, span, text, hidden) => ask('replace', { version, side, span, text, hidden }),
    attention: (version, index, layer, hidden) => ask('attention', { version, index, layer, hidden }),
    copy,
    onHide: (hidden) => memory.update({ hidden: [...hidden] }),
    explain,
  },
  memory.value,
);
const similarity = new SimilarityPanel(
  {
    request: ask,
    reveal: (uri, units) => tell(ask('reveal', { uri, spans: units.map(({ start, end }) => ({ start, end })) })),
    copy,
    explain,
  },
  memory.value.similarity,
  (state) => memory.update({ similarity: state }),
);
const batch = new BatchPanel({ batch: (query) => ask('batch', query), model: () => shown?.model, copy, explain });
const panels = element('vscode-panels', { attributes: { activeid: memory.value.tab, 'aria-label': 'Inspector' } }, [
  element('vscode-panel-tab', { text: 'Tokens', attributes: { id: 'tokens' } }),
  element('vscode-panel-tab', { text: 'Similarity', attributes: { id: 'similarity' } }),
  element('vscode-panel-tab', { text: 'Training batch', attributes: { id: 'batch' } }),
  element('vscode-panel-view', { attributes: { id: 'view-tokens' } }, [tokens.root]),
  element('vscode-panel-view', { attributes: { id: 'view-similarity' } }, [similarity.root]),
  element('vscode-panel-view', { attributes: { id: 'view-batch' } }, [batch.root]),
]);
const header = element('header', {}, [...pickers.map(({ root }) => root), file]);
const empty = element('div', { class: 'empty' });
document.getElementById('root')?.append(header, panels, empty);
panels.hidden = true;

panels.addEventListener('change', () => {
  const tab = Tab.safeParse(panels.activeid);
  if (!tab.success || tab.data === memory.value.tab) return;
  memory.update({ tab: tab.data });
  similarity.setVisible(tab.data === 'similarity');
  if (tab.data === 'batch') batch.load();
});

function showReading(reading: Reading): void {
  shown = reading;
  memory.update({ uri: reading.uri });
  file.textContent = reading.name;
  file.title = reading.uri;
  panels.hidden = false;
  empty.replaceChildren();
  tokens.show(reading);
  similarity.show(reading, memory.value.tab === 'similarity');
}

function showNotice(notice: Notice): void {
  file.textContent = '';
  panels.hidden = true;
  similarity.setVisible(false);
  empty.replaceChildren(noticeView(notice, (action) => tell(ask('act', { action }))));
}

host.on('models', (models) => {
  header.hidden = models.runs.length === 0;
  pickers[0].show(models.runs, models.first);
  pickers[1].show(models.runs, models.second);
  tokens.compare(models);
  similarity.compare(models);
  batch.show(models, memory.value.tab === 'batch');
});
host.on('reading', showReading);
host.on('cursor', ({ offset }) => similarity.follow(offset));
host.on('notice', showNotice);
onThemeChange(() => similarity.redraw());
