import { LRUCache } from 'lru-cache';
import * as vscode from 'vscode';
import { UserError } from '../../shared/errors';
import { Neighbour, type Span } from '../../shared/types';
import { signalOf } from '../cancellation';
import type { Inspection } from '../inspection';
import type { ReaderChoice } from '../reader-choice';
import type { Reporter } from '../report';
import { Revealer } from '../reveal';
import type { Runs } from '../runs';
import { Throttle } from '../throttle';
import { basename } from '../workspace';
import { findAgain, lensTitle, nearestOf } from './nearest-text';
import { LONGEST_PASSAGE, paragraphsOf } from './passages';
import { rangeOf, TEXTS } from './texts';

const SETTING = 'objectiveLab.nearestSentence';
/** Sentences that are asked for: those of the paragraph itself are among them. */
const TOP = 24;
/** How long one request may embed, in milliseconds, and how long after one that came to no end the next is made. */
const BUDGET = 300;
const AGAIN = 1_000;
const MOST_KEPT = 2_000;

class ParagraphLens extends vscode.CodeLens {
  constructor(
    readonly document: vscode.TextDocument,
    readonly paragraph: Span,
  ) {
    super(new vscode.Range(document.positionAt(paragraph.start), document.positionAt(paragraph.start)));
  }
}

interface Answer {
  readonly nearest: Neighbour | undefined;
  /** Share of the workspace's sentences that was looked at. */
  readonly indexed: number;
}

/** A lens above each paragraph: the sentence of the workspace that the model finds most like it. Off unless the setting says otherwise. */
export class NearestSentence implements vscode.Disposable, vscode.CodeLensProvider<ParagraphLens> {
  readonly #kept = new LRUCache<string, Answer>({ max: MOST_KEPT });
  readonly #change = new vscode.EventEmitter<void>();
  readonly #again = new Throttle(AGAIN, () => this.#change.fire());
  readonly #revealer = new Revealer();
  readonly #subscription: vscode.Disposable;
  #provider: vscode.Disposable | undefined;
  /** One request at a time, so that the first that is seen has its answer first. */
  #queue: Promise<unknown> = Promise.resolve();

  readonly onDidChangeCodeLenses = this.#change.event;

  constructor(
    private readonly runs: Runs,
    private readonly reader: ReaderChoice,
    private readonly inspection: Inspection,
    private readonly reporter: Reporter,
  ) {
    this.#subscription = vscode.Disposable.from(
      this.#change,
      this.#revealer,
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(SETTING)) this.#configure();
      }),
      vscode.workspace.onDidSaveTextDocument(() => {
        this.#kept.clear();
        this.#again.call();
      }),
      reader.onDidChange(() => this.#again.call()),
    );
    this.#configure();
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<ParagraphLens[]> {
    if (!this.runs.known) await this.runs.refresh();
    if (this.reader.model === undefined || !vscode.workspace.getWorkspaceFolder(document.uri)) return [];
    return paragraphsOf(document.getText()).map((paragraph) => new ParagraphLens(document, paragraph));
  }

  async resolveCodeLens(lens: ParagraphLens, token: vscode.CancellationToken): Promise<ParagraphLens> {
    const asked = this.#queue.then(() => this.#ask(lens, token));
    this.#queue = asked.catch(() => undefined);
    try {
      lens.command = await commandFor(await asked);
    } catch (error) {
      this.reporter.note(error);
      lens.command = { title: '≈ –', command: '' };
    }
    return lens;
  }

  /** @param argument a {@link Neighbour} @throws UserError when it is gone */
  async reveal(argument: unknown): Promise<void> {
    const neighbour = Neighbour.parse(argument);
    const uri = vscode.Uri.file(neighbour.path);
    const document = await vscode.workspace.openTextDocument(uri);
    const span = findAgain(document.getText(), neighbour);
    if (!span)
      throw new UserError(`The sentence no longer stands in ${basename(uri)}.`, 'Save the file to have it looked at anew.', 'stale');
    await this.#revealer.reveal(uri, [span]);
  }

  dispose(): void {
    this.#again.dispose();
    vscode.Disposable.from(this.#subscription, ...(this.#provider ? [this.#provider] : [])).dispose();
  }

  #configure(): void {
    this.#provider?.dispose();
    const on = vscode.workspace.getConfiguration().get<boolean>(SETTING, false);
    this.#provider = on ? vscode.languages.registerCodeLensProvider(TEXTS, this) : undefined;
  }

  async #ask({ document, paragraph }: ParagraphLens, token: vscode.CancellationToken): Promise<Answer | undefined> {
    const { model, version } = this.reader;
    const root = vscode.workspace.getWorkspaceFolder(document.uri)?.uri.fsPath;
    if (token.isCancellationRequested || model === undefined || version === undefined || root === undefined) return undefined;
    const text = document.getText(rangeOf(document, paragraph)).slice(0, LONGEST_PASSAGE);
    const key = `${version}\n${document.uri.fsPath}\n${text}`;
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const params = { model, root, text, top: TOP, budget: BUDGET };
    const { neighbours, indexed, total } = await this.inspection.request('neighbours', params, { signal: signalOf(token) });
    const answer = { nearest: nearestOf(neighbours, document.uri.fsPath, paragraph), indexed: total === 0 ? 1 : indexed / total };
    if (answer.indexed < 1) this.#again.call();
    else this.#kept.set(key, answer);
    return answer;
  }
}

async function commandFor(answer: Answer | undefined): Promise<vscode.Command> {
  if (!answer) return { title: '≈ …', command: '' };
  const { nearest, indexed } = answer;
  const progress = indexed < 1 ? ` · ${Math.floor(indexed * 100)} % of the workspace read` : '';
  if (!nearest) return { title: `≈ no other sentence${progress}`, command: '' };
  const uri = vscode.Uri.file(nearest.path);
  const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  const line = text.slice(0, nearest.start).split('\n').length;
  return { title: lensTitle(nearest, basename(uri), line) + progress, command: 'objectiveLab.revealNeighbour', arguments: [nearest] };
}
