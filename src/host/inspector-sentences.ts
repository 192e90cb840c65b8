import * as vscode from 'vscode';
import { RemoteError, type Handlers } from '../shared/rpc';
import type { Span, Unit } from '../shared/types';
import type { inspectorHost, Side } from '../shared/webview/inspector';
import { paragraphAt } from './editor/passages';
import type { Inspection } from './inspection';
import { partAround, shifted } from './text-part';
import { pathFrom } from './workspace';

/** How much of a text is compared by units at most, in UTF-16 units: 2,000 long sentences. */
const TEXT = 400_000;
/** How much of a paragraph is looked at for the unit at the cursor, in UTF-16 units. */
const PARAGRAPH = 20_000;
const NEIGHBOURS = 20;
/** How long the process may read on for one answer, in milliseconds: between two of them other questions have their turn. */
const BUDGET = 300;

export interface Content {
  readonly uri: string;
  readonly folder: vscode.WorkspaceFolder | undefined;
  readonly model: string;
  readonly step: number | undefined;
  readonly text: string;
}

type SentenceHandlers = Pick<Handlers<typeof inspectorHost>, 'similarity' | 'map' | 'geometry' | 'unitAt' | 'neighbours'>;

/** What the inspector's section *Similarity* asks: it looks at a whole text, while the rest of the panel looks at the part around the cursor. */
export class InspectorSentences {
  #content: Content | undefined;
  /** The part of a long text whose units are compared. */
  #part: Span = { start: 0, end: 0 };
  #number = 0;

  /** @param modelOf the path of the model on a side */
  constructor(
    private readonly inspection: Inspection,
    private readonly modelOf: (side: Side) => string,
  ) {}

  /** Takes up what is read now, around `at`, and returns the number that names it. The same content keeps its number while `at` is in its part. */
  take(content: Content, at: number): number {
    const before = this.#content;
    const same =
      before?.uri === content.uri && before.model === content.model && before.step === content.step && before.text === content.text;
    if (same && at >= this.#part.start && at <= this.#part.end) return this.#number;
    this.#content = content;
    this.#part = partAround(content.text, at, TEXT);
    return ++this.#number;
  }

  readonly handlers: SentenceHandlers = {
    similarity: async ({ side, ...units }, signal) => {
      const { start, params } = this.#units(units);
      const model = side === 'first' ? params.model : this.modelOf(side);
      const answer = await this.inspection.request('similarity', { ...params, model }, { signal });
      return { ...answer, units: shifted(answer.units, start) };
    },
    map: async ({ projection, ...units }, signal) => {
      const { start, params } = this.#units(units);
      const answer = await this.inspection.request('map', { ...params, projection }, { signal });
      return { ...answer, units: shifted(answer.units, start) };
    },
    geometry: (units, signal) => this.inspection.request('geometry', this.#units(units).params, { signal }),
    unitAt: async ({ content, unit, offset }, signal) => {
      const { model, text } = this.#current(content);
      const paragraph = paragraphAt(text, offset, PARAGRAPH);
      if (!paragraph) return {};
      const params = { model, text: text.slice(paragraph.start, paragraph.end), unit, limit: 2000 };
      const { units } = await this.inspection.request('similarity', params, { signal });
      const found = shifted(units, paragraph.start);
      return { unit: found.find(({ end }) => offset <= end) ?? found.at(-1) };
    },
    neighbours: async ({ content, text }, signal) => {
      const { model, folder } = this.#current(content);
      if (!folder) throw new RemoteError({ code: 'workspace', message: 'No folder is open to look for sentences in.' });
      const params = { model, root: folder.uri.fsPath, text, top: NEIGHBOURS, budget: BUDGET };
      const answer = await this.inspection.request('neighbours', params, { signal });
      const neighbours = answer.neighbours.map(({ path, ...neighbour }) => ({
        ...neighbour,
        uri: vscode.Uri.file(path).toString(),
        file: pathFrom(folder, path),
      }));
      return { ...answer, neighbours };
    },
  };

  #current(content: number): Content {
    if (this.#content && this.#number === content) return this.#content;
    throw new RemoteError({ code: 'stale', message: 'The text or the model has changed since.' });
  }

  #units({ content, unit, limit }: { content: number; unit: Unit; limit: number }) {
    const { model, text } = this.#current(content);
    const { start, end } = this.#part;
    return { start, params: { model, text: text.slice(start, end), unit, limit } };
  }
}
