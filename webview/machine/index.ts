import { machineRows, machineText, type Diagnosis, type MachineRow, type Missing } from '../../src/shared/machine';
import { machineHost } from '../../src/shared/webview/machine';
import { CommandLine } from '../common/command-line';
import { element } from '../common/dom';
import { connect } from '../common/link';
import '../common/base.css';
import './machine.css';

const host = connect(machineHost);
const tell = (answer: Promise<unknown>): void => void answer.catch((error: unknown) => console.warn(error));
const copy = (text: string): Promise<unknown> => host.request('copy', { text });

const button = (text: string, click: () => void, label = text): HTMLElement =>
  element('button', { class: 'button', text, attributes: { 'aria-label': label }, on: { click } });

const status = element('p', { class: 'muted', attributes: { role: 'status' } });
const report = element('div', { class: 'report' });
document.getElementById('root')?.append(element('div', { class: 'page' }, [element('h1', { text: 'This Machine' }), status, report]));

/** Asked again while it checks, it goes on with what it does. */
let checking = false;

async function check(): Promise<void> {
  if (checking) return;
  checking = true;
  status.textContent = 'Checking. This takes some seconds; nothing is changed or downloaded.';
  try {
    const { diagnosis, lost } = await host.request('examine', {});
    const { cpu, cuda, webgpu } = diagnosis.providers;
    const working = Object.entries({ CPU: cpu, CUDA: cuda, WebGPU: webgpu }).flatMap(([name, { works }]) => (works ? [name] : []));
    status.textContent = working.length === 0 ? 'No device works.' : `Training works on: ${working.join(', ')}.`;
    report.replaceChildren(...sections(diagnosis, lost));
  } catch (error) {
    status.textContent = `The check failed: ${error instanceof Error ? error.message : String(error)}`;
    report.replaceChildren(button('Check Again', () => tell(check())));
  } finally {
    checking = false;
  }
}

function sections(diagnosis: Diagnosis, lost: string | undefined): HTMLElement[] {
  const { missing } = diagnosis;
  return [
    element('table', { class: 'rows', attributes: { 'aria-label': 'What this machine has' } }, [
      element('tbody', {}, machineRows(diagnosis).map(row)),
    ]),
    ...(lost === undefined ? [] : [element('p', { text: lostText(lost) })]),
    ...(missing.length === 0
      ? [element('p', { text: 'Nothing is missing.' })]
      : [
          element('h2', { text: 'What Is Missing' }),
          element('p', { class: 'muted', text: 'For the devices that do not work. Training does not need them all: the CPU is enough.' }),
          element('ol', { class: 'missing' }, missing.map(item)),
        ]),
    element('div', { class: 'buttons' }, [
      button('Check Again', () => tell(check())),
      button('Copy as Text', () => tell(copy(machineText(diagnosis))), 'Copy as text, for reports of defects'),
    ]),
  ];
}

const lostText = (source: string): string =>
  `CUDA was set up here from ${source}, and its provider is gone: it lies in the extension's own folder, which an update replaces. Set it up again.`;

const row = ({ name, text, works }: MachineRow): HTMLElement =>
  element('tr', {}, [
    element('th', { text: name, attributes: { scope: 'row' } }),
    element('td', {}, [
      works === undefined ? text : element('span', { class: 'state', text, attributes: { 'data-state': works ? 'completed' : 'failed' } }),
    ]),
  ]);

/** The provider is set up by a command of the editor, everything else in a terminal. */
function item({ part, what, mend }: Missing, index: number): HTMLElement {
  const said = element('p', { text: what });
  if (part === 'provider') return element('li', {}, [said, button('Set Up CUDA…', () => tell(host.request('setUpCuda', {}).then(check)))]);
  const command = new CommandLine(copy, 'What mends it');
  command.show(mend);
  const type = button('Type in Terminal', () => tell(host.request('typeCommand', { missing: index })), 'Type the command in a terminal');
  command.root.append(type);
  return element('li', {}, [said, command.root]);
}

host.on('check', () => tell(check()));
tell(check());
