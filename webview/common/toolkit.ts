import type { Button, Dropdown, Option, Panels, PanelTab, PanelView } from '@vscode/webview-ui-toolkit';

/** The toolkit's elements, known to `element` by their tags like any other. Each view registers those it uses. */
declare global {
  interface HTMLElementTagNameMap {
    'vscode-button': Button;
    'vscode-dropdown': Dropdown;
    'vscode-option': Option;
    'vscode-panels': Panels;
    'vscode-panel-tab': PanelTab;
    'vscode-panel-view': PanelView;
  }
}
