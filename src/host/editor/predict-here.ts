import * as vscode from 'vscode';
import { UserError } from '../../shared/errors';
import { formatProbability } from '../../shared/format';
import type { Lab } from '../lab';
import { bar } from './bars';
import { predictAt, type Place } from './predict';
import { replaceText } from './replacement';
import { spanOf, TEXTS } from './texts';
import { tokenLabel, tokenText } from '../../shared/token-text';

const PREDICTIONS = 20;
const BAR = 12;
/** A longer selection is no place for a word, in UTF-16 units. */
const LONGEST = 200;

/** Offers *Predict Here* on a word or a short selection, while there is a model to ask. */
export function registerPredictHere({ reader }: Lab): vscode.Disposable {
  const kind = vscode.CodeActionKind.RefactorRewrite;
  return vscode.languages.registerCodeActionsProvider(
    TEXTS,
    {
      provideCodeActions: (document, range) => {
        const place = reader.model === undefined ? undefined : placeOf(document, range);
        if (!place) return [];
        const action = new vscode.CodeAction('Predict Here', kind);
        action.command = { command: 'objectiveLab.predictHere', title: action.title };
        return [action];
      },
    },
    { providedCodeActionKinds: [kind] },
  );
}

/** Shows what the model would put in place of the word or the selection in the active editor, and puts there what is chosen. */
export async function predictHere({ reader, runs, inspection }: Lab): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const place = editor && placeOf(editor.document, editor.selection);
  if (!place)
    throw new UserError('There is no word to predict here.', `Put the cursor on a word, or select up to ${LONGEST} characters.`, 'text');
  if (!runs.known) await runs.refresh();
  const { model } = reader;
  if (model === undefined)
    throw new UserError('There is no model to predict with yet.', 'Start a run, and wait for its first checkpoint.', 'run');
  const { document, range } = place;
  const expected = document.getText(range);
  const controller = new AbortController();
  const items = predictAt(inspection, model, place, PREDICTIONS, controller.signal).then((prediction) => {
    const best = prediction?.candidates[0]?.probability ?? 1;
    return (prediction?.candidates ?? []).map(({ token, probability }) => ({
      label: tokenLabel(token),
      description: `${formatProbability(probability)} ${bar(probability / best, BAR)}`,
      text: tokenText(token).text,
    }));
  });
  const title = `In Place of “${expected}”: ${reader.title}`;
  const picked = await vscode.window.showQuickPick(items, { title, placeHolder: 'Prediction to put there' });
  controller.abort();
  if (picked) await replaceText({ uri: document.uri.toString(), ...spanOf(document, range), expected, text: picked.text });
}

/** The selection without the white space around it, otherwise the word at the cursor. */
function placeOf(document: vscode.TextDocument, selection: vscode.Range): Place | undefined {
  if (selection.isEmpty) {
    const range = document.getWordRangeAtPosition(selection.start);
    return range && { document, range };
  }
  const text = document.getText(selection);
  const start = document.offsetAt(selection.start) + text.length - text.trimStart().length;
  const range = new vscode.Range(document.positionAt(start), document.positionAt(start + text.trim().length));
  return text.trim() !== '' && text.length <= LONGEST ? { document, range } : undefined;
}
