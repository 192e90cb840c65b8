import type { Action, Notice } from '../../src/shared/webview/view';
import { element } from './dom';

/** What stands in for a view that has nothing to show: a title, the reason, and the way on. */
export function noticeView({ title, detail, action }: Notice, act: (action: Action) => void): HTMLElement {
  return element('div', { class: 'notice', attributes: { role: 'status' } }, [
    element('h2', { text: title }),
    detail === undefined ? undefined : element('p', { text: detail, class: 'muted', attributes: { dir: 'auto' } }),
    action && element('button', { class: 'button primary', text: action.label, on: { click: () => act(action.id) } }),
  ]);
}
