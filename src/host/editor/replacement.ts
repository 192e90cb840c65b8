import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../shared/errors';
import { Span } from '../../shared/types';
import { rangeOf } from './texts';

/** Puts `text` where `expected` stands in a document. */
const Replacement = z.object({ ...Span.shape, uri: z.string(), expected: z.string(), text: z.string() });
export type Replacement = z.infer<typeof Replacement>;

/**
 * Replaces a stretch of an open document.
 *
 * @param argument a {@link Replacement}: it may come from a link that anybody wrote
 * @throws UserError when something else stands there now
 */
export async function replaceText(argument: unknown): Promise<void> {
  const { uri, expected, text, ...span } = Replacement.parse(argument);
  const document = vscode.workspace.textDocuments.find((each) => each.uri.toString() === uri);
  const range = document && rangeOf(document, span);
  if (!range || document.getText(range) !== expected)
    throw new UserError(`“${expected}” no longer stands there.`, 'Hover over the word again.', 'stale');
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, range, text);
  await vscode.workspace.applyEdit(edit);
}
