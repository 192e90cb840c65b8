import type { RunSummary } from '../shared/types';
import type { Notice } from '../shared/webview/view';
import { isUnfinished } from './run-list';

/** What the host knows when it decides whether a view has something to show. */
export interface Situation {
  readonly folderOpen: boolean;
  readonly trusted: boolean;
  readonly run: RunSummary | undefined;
}

/** Why there is no run to show, if so. */
export function runNotice({ folderOpen, trusted, run }: Situation): Notice | undefined {
  if (run) return undefined;
  if (!folderOpen) {
    return {
      title: 'No folder is open',
      detail: 'Open a folder with text: models are trained on it and kept in it.',
      action: { id: 'openFolder', label: 'Open Folder' },
    };
  }
  if (!trusted) {
    return {
      title: 'This workspace is not trusted',
      detail: 'It has no run to look at, and nothing is trained in a workspace that is not trusted.',
      action: { id: 'trust', label: 'Manage Workspace Trust' },
    };
  }
  return {
    title: 'No run yet',
    detail: 'Start a run: a model learns from the text of this workspace, and you can read your files through it while it learns.',
    action: { id: 'startRun', label: 'Start a Run' },
  };
}

/** Why a run has no model to read with, if so. `every` is the number of steps between checkpoints, where known. */
export function checkpointNotice(run: RunSummary, every: number | undefined): Notice | undefined {
  if (run.checkpoint !== undefined) return undefined;
  if (!isUnfinished(run)) {
    return {
      title: `${run.name} has no checkpoint`,
      detail: `It ended at step ${run.step}, before its first checkpoint. Choose another run, or start it again.`,
      action: { id: 'startRun', label: 'Start a Run' },
    };
  }
  const first = every === undefined ? undefined : Math.min(every, run.steps);
  return {
    title: run.state === 'preparing' ? `${run.name} is being prepared` : `${run.name} is at step ${run.step}`,
    detail:
      first === undefined
        ? 'The view fills with the first checkpoint.'
        : `The first checkpoint comes at step ${first}; the view fills then.`,
  };
}

/** Why the active editor has no text to read, if so. */
export function textNotice(active: { readonly name: string; readonly text: string | undefined } | undefined): Notice | undefined {
  if (!active) {
    return {
      title: 'Open a text file',
      detail: 'The inspector follows the active editor.',
      action: { id: 'openFile', label: 'Go to File' },
    };
  }
  if (active.text === undefined)
    return { title: `${active.name} is not a text file`, detail: 'The inspector follows the active editor; open one with text.' };
  if (active.text.trim() === '') return { title: `${active.name} is empty`, detail: 'Type something to see its tokens.' };
  return undefined;
}
