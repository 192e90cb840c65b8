import * as vscode from 'vscode';
import type { Span } from '../../shared/types';
import { SCHEMES } from '../active-text';

/** Every document whose text is a person's own. */
export const TEXTS: vscode.DocumentSelector = [...SCHEMES].map((scheme) => ({ scheme }));

export const isText = ({ uri }: vscode.TextDocument): boolean => SCHEMES.has(uri.scheme);

export function rangeOf(document: vscode.TextDocument, { start, end }: Span): vscode.Range {
  return new vscode.Range(document.positionAt(start), document.positionAt(end));
}

export function spanOf(document: vscode.TextDocument, { start, end }: vscode.Range): Span {
  return { start: document.offsetAt(start), end: document.offsetAt(end) };
}
