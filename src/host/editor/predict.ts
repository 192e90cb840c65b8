import type * as vscode from 'vscode';
import type { Prediction, Span } from '../../shared/types';
import type { Inspection } from '../inspection';
import { contextOf } from './passages';
import { spanOf } from './texts';

export interface Place {
  readonly document: vscode.TextDocument;
  readonly range: vscode.Range;
}

/** What the model puts in a place of a document, read from the passage around it; likeliest first. Spans of the answer are offsets in the passage. */
export async function predictAt(
  inspection: Inspection,
  model: string,
  { document, range }: Place,
  top: number,
  signal?: AbortSignal,
): Promise<Prediction | undefined> {
  const text = document.getText();
  const span = spanOf(document, range);
  const { start, end } = contextOf(text, span);
  const inside: Span = { start: span.start - start, end: span.end - start };
  const params = { model, text: text.slice(start, end), spans: [inside], top };
  return (await inspection.request('predict', params, signal ? { signal } : {}))[0];
}
