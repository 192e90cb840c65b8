import * as vscode from 'vscode';
import { formatProbability } from '../../shared/format';
import { signalOf } from '../cancellation';
import type { Lab } from '../lab';
import { begunMask, MASK, maskAt } from './mask-text';
import { predictAt } from './predict';
import { TEXTS } from './texts';
import { tokenLabel, tokenText } from '../../shared/token-text';

const PREDICTIONS = 20;

/** Completes `[MASK]` with what the model would put there, and the beginning of one with the rest. Says nothing while there is no model. */
export function registerCompletions({ reader, runs, inspection, reporter }: Lab): vscode.Disposable {
  const provideCompletionItems = async (
    document: vscode.TextDocument,
    position: vscode.Position,
    token: vscode.CancellationToken,
  ): Promise<vscode.CompletionItem[]> => {
    const line = document.lineAt(position).text;
    const mask = maskAt(line, position.character);
    const begun = mask ?? begunMask(line, position.character);
    if (!begun) return [];
    const range = new vscode.Range(position.line, begun.start, position.line, begun.end);
    try {
      if (!runs.known) await runs.refresh();
      const { model } = reader;
      if (model === undefined) return [];
      if (!mask) return [maskItem(range)];
      const prediction = await predictAt(inspection, model, { document, range }, PREDICTIONS, signalOf(token));
      return (prediction?.candidates ?? []).map(({ token, probability }, index) => {
        const item = new vscode.CompletionItem(tokenLabel(token), vscode.CompletionItemKind.Text);
        item.detail = formatProbability(probability);
        item.insertText = tokenText(token).text;
        item.range = range;
        // All of them stand for the mask; their order is the model's.
        item.filterText = MASK;
        item.sortText = String(index).padStart(3, '0');
        item.preselect = index === 0;
        return item;
      });
    } catch (error) {
      reporter.note(error);
      return [];
    }
  };
  return vscode.languages.registerCompletionItemProvider(TEXTS, { provideCompletionItems }, ']');
}

function maskItem(range: vscode.Range): vscode.CompletionItem {
  const item = new vscode.CompletionItem(MASK, vscode.CompletionItemKind.Snippet);
  item.detail = 'a hidden word: the model completes it';
  item.insertText = MASK;
  item.range = range;
  item.command = { command: 'editor.action.triggerSuggest', title: 'Suggest' };
  return item;
}
