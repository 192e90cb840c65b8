import * as vscode from 'vscode';
import type { ExportFormat, RunSummary } from '../shared/types';
import type { Lab } from './lab';
import { requireTrust } from './workspace';

const FORMATS: readonly (vscode.QuickPickItem & { readonly format: ExportFormat })[] = [
  {
    label: 'Hugging Face folder',
    detail: 'For transformers, sentence-transformers and transformers.js: weights, tokenizer, ONNX file and model card.',
    format: 'hf',
  },
  { label: 'ONNX', detail: 'For any runtime: the ONNX file with its tokenizer.', format: 'onnx' },
  { label: 'safetensors', detail: 'The weights with configuration and tokenizer.', format: 'safetensors' },
];

/** Writes a run's newest model into a folder that the person names. */
export async function exportModel({ inspection, reporter }: Lab, run: RunSummary): Promise<void> {
  requireTrust();
  const picked = await vscode.window.showQuickPick(FORMATS, { title: `Export ${run.name}`, placeHolder: 'What the model is written as' });
  if (!picked) return;
  const home = vscode.workspace.workspaceFolders?.[0]?.uri;
  const target = await vscode.window.showSaveDialog({
    title: 'Folder to Write the Model To',
    saveLabel: 'Export',
    ...(home && { defaultUri: vscode.Uri.joinPath(home, `${run.name}-${picked.format}`) }),
  });
  if (!target) return;
  const { folder, architecture } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Exporting ${run.name}` },
    () => inspection.request('export', { model: run.folder, folder: target.fsPath, format: picked.format }),
  );
  reporter.background(
    vscode.window
      .showInformationMessage(`${run.name} was exported as ${architecture}.`, 'Show Folder')
      .then((pressed) => pressed && vscode.commands.executeCommand('revealInExplorer', vscode.Uri.file(folder))),
  );
}
