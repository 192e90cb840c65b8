import type { Unit } from '../../src/shared/types';
import type { MessageHandler } from '../../src/shared/rpc';
import type { inspectorHost, Models, Reading } from '../../src/shared/webview/inspector';
import type { webview } from '../../src/shared/webview/view';
import { element } from '../common/dom';
import type { Explain } from './question';

/** What the sections about a text's units look at: the first `limit` units of a document. */
export interface Subject extends Pick<Reading, 'uri' | 'content' | 'model' | 'file'> {
  readonly unit: Unit;
  readonly limit: number;
  /** What reads it. */
  readonly models: Models;
}

export const subjectKey = ({ content, unit, limit }: Subject): string => `${content} ${unit} ${limit}`;

/** What these sections need of the host. */
export interface SectionHost {
  readonly request: MessageHandler<typeof webview, typeof inspectorHost>['request'];
  readonly reveal: (uri: string, spans: readonly { readonly start: number; readonly end: number }[]) => void;
  readonly copy: (text: string) => Promise<unknown>;
  readonly explain: Explain;
}

/** One way to look at a text's units. */
export interface Section {
  readonly root: HTMLElement;
  /** How many units are shown; undefined for a section that shows no units of the text as such. */
  readonly count: number | undefined;
  /** Asks for what it shows, unless it shows it already; resolves when that is there. */
  show(subject: Subject): Promise<void>;
  /** Gives up what it waits for: it is no longer seen. */
  stop(): void;
  /** The editor's cursor stands at this offset of the document. */
  follow(offset: number): void;
  /** Draws anew in the theme's colours. */
  redraw(): void;
}

/** Units under the cursor of a map, each in its own direction of writing. */
export function unitTexts(texts: readonly (string | undefined)[]): HTMLElement[] {
  return texts.flatMap((text) => (text === undefined ? [] : [element('p', { class: 'unit', text, attributes: { dir: 'auto' } })]));
}
