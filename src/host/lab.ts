import type * as vscode from 'vscode';
import type { Dashboard } from './dashboard';
import type { NearestSentence } from './editor/nearest-sentence';
import type { Surprisal } from './editor/surprisal';
import type { Inspection } from './inspection';
import type { Inspector } from './inspector';
import type { ReaderChoice } from './reader-choice';
import type { Reporter } from './report';
import type { Runs } from './runs';
import type { Training } from './training';

/** The parts of the extension that commands and views work with; composed once in `extension.ts`. */
export interface Lab {
  readonly extensionUri: vscode.Uri;
  readonly reporter: Reporter;
  readonly training: Training;
  readonly inspection: Inspection;
  readonly runs: Runs;
  readonly reader: ReaderChoice;
  readonly inspector: Inspector;
  readonly dashboard: Dashboard;
  readonly surprisal: Surprisal;
  readonly nearest: NearestSentence;
}
