import * as vscode from 'vscode';
import { INTENSITIES } from './intensity';

/** The lines below words, from expected to astonishing: they say without colour what the background says with it. */
const LINES = ['0 none', '1px dotted', '1px dashed', '1px solid', '2px solid', '3px double'] as const;

/** A decoration for each class of surprise; the colours are contributed in package.json. */
export function makeStyles(): vscode.TextEditorDecorationType[] {
  return INTENSITIES.map((_, level) => {
    const [width = '0', style = 'none'] = LINES[level]?.split(' ') ?? [];
    return vscode.window.createTextEditorDecorationType({
      backgroundColor: new vscode.ThemeColor(`objectiveLab.surprisal${level + 1}`),
      borderWidth: `0 0 ${width} 0`,
      borderStyle: style,
      borderColor: new vscode.ThemeColor('objectiveLab.surprisalLine'),
      rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    });
  });
}
