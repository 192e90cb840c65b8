import type * as vscode from 'vscode';
import type { Advisor } from './compare/advisor';
import type { Comparing } from './compare/comparing';
import type { Comparisons } from './compare/comparisons';
import type { ComparisonPanel } from './compare/panel';
import type { Dashboard } from './dashboard';
import type { NearestSentence } from './editor/nearest-sentence';
import type { Surprisal } from './editor/surprisal';
import type { Inspection } from './inspection';
import type { Inspector } from './inspector';
import type { Machine } from './machine';
import type { Notebooks } from './notebook/notebooks';
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
  readonly notebooks: Notebooks;
  readonly comparing: Comparing;
  readonly comparisons: Comparisons;
  readonly comparison: ComparisonPanel;
  readonly advisor: Advisor;
  readonly machine: Machine;
}
