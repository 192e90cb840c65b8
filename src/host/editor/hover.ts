import * as vscode from 'vscode';
import { signalOf } from '../cancellation';
import type { Lab } from '../lab';
import { hoverText } from './hover-text';
import { rangeOf, TEXTS } from './texts';

const PREDICTIONS = 5;

/** What the model would put where a word stands, for every painted word. */
export function registerHover({ surprisal, reader, inspection, reporter }: Lab): vscode.Disposable {
  return vscode.languages.registerHoverProvider(TEXTS, {
    provideHover: async (document, position, token) => {
      const { model } = reader;
      const found = surprisal.wordAt(document, document.offsetAt(position));
      if (!found || model === undefined) return undefined;
      const { passage, word } = found;
      const { version } = document;
      const span = { start: passage.start + word.start, end: passage.start + word.end };
      const text = document.getText(rangeOf(document, span));
      try {
        const params = { model, text: passage.text, spans: [{ start: word.start, end: word.end }], top: PREDICTIONS };
        const [prediction] = await inspection.request('predict', params, { signal: signalOf(token) });
        if (!prediction || document.version !== version) return undefined;
        // The paint may come from an estimate, which hid other words too: from here on both say the same.
        const exact = prediction.truth ? -Math.log(prediction.truth.probability) : word.surprisal;
        surprisal.correct(passage, word, exact);
        const content = new vscode.MarkdownString(
          hoverText({
            word: text,
            surprisal: exact,
            pieces: word.pieces,
            prediction,
            reader: reader.title,
            replace: (by) => ({ uri: document.uri.toString(), ...span, expected: text, text: by }),
          }),
        );
        content.isTrusted = { enabledCommands: ['objectiveLab.replaceText'] };
        return new vscode.Hover(content, rangeOf(document, span));
      } catch (error) {
        reporter.note(error);
        return undefined;
      }
    },
  });
}
