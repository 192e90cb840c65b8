import { dirname, join } from 'node:path';
import { advise } from './compare/advisor';
import { fillIn, stateOf } from './compare/file';
import { checkComparison } from './compare/load';
import { comparisonsOf } from './compare/plan';
import { reportOf } from './compare/report';
import { listComparisons, runComparison, type CompareEvents } from './compare/run';
import { examine } from './doctor/doctor';
import { setUpCuda } from './doctor/set-up-cuda';
import { checkExperiment } from './experiment/parse';
import { experimentJsonSchema, objectiveSnippets } from './experiment/jsonSchema';
import { newExperiment } from './experiment/template';
import { exportModel } from './inspect/export';
import { trainingBatch } from './inspect/batch';
import { Reader } from './inspect/reader';
import { objectives } from './objectives';
import { offeredProbes } from './probe/suggest';
import { UserError } from './shared/errors';
import { MessageHandler, toWireError, type Handlers } from './shared/rpc';
import * as protocol from './shared/trainer-protocol';
import { ObjectiveSummary } from './shared/types';
import { describeCheckpoints } from './train/checkpoint';
import { ExperimentSchema } from './train/experiment';
import { runProbes } from './probe/in-run';
import { resume, train } from './train/loop';
import type { TrainEvents } from './train/steps';
import { askToStop, listRuns, readMetrics } from './train/run';

/** The child process behind the editor: answers the host's requests, and ends when the host goes away. */
let training: { controller: AbortController; finished: Promise<unknown>; outlive: boolean } | undefined;
const readers = new Map<string, Reader>();

/** Models kept open; the one used longest ago makes room. */
const OPEN_MODELS = 4;

function reader(path: string, refresh: boolean): Reader {
  const known = readers.get(path);
  readers.delete(path);
  const current = known ?? new Reader(path);
  if (known && refresh) known.refresh();
  readers.set(path, current);
  for (const oldest of [...readers.keys()].slice(0, -OPEN_MODELS)) readers.delete(oldest);
  return current;
}

const events: TrainEvents = {
  status: (message) => link.emit('status', { message }),
  started: (details) => link.emit('started', details),
  metrics: (line) => link.emit('metrics', line),
  checkpoint: (details) => link.emit('checkpoint', details),
  warning: (message) => link.emit('warning', { message }),
};

const comparisonEvents: CompareEvents = {
  status: (message) => link.emit('status', { message }),
  planned: ({ folder, plan }) => link.emit('compared', { folder, members: plan.members.length }),
  member: (member) => link.emit('member', member),
  warning: (message) => link.emit('warning', { message }),
};

/** The command line beside this bundle: members of a comparison are processes of it. */
const CLI: readonly [string, string] = [process.execPath, join(dirname(process.argv[1]!), 'cli.js')];

/** One training at a time. @param begin starts it; its signal aborts when the training is to stop */
async function only<T>(begin: (signal: AbortSignal) => Promise<T>, outlive: boolean | undefined, signal: AbortSignal): Promise<T> {
  if (training) throw new UserError('A run is going on already.', 'Stop it, or wait for its end.', 'busy');
  const controller = new AbortController();
  signal.addEventListener('abort', () => controller.abort(), { once: true });
  const finished = begin(controller.signal);
  training = { controller, finished, outlive: outlive ?? false };
  try {
    return await finished;
  } finally {
    training = undefined;
  }
}

const handlers: Handlers<typeof protocol.trainer> = {
  train: ({ outlive, ...params }, signal) => only((stop) => train({ ...params, signal: stop, events, probe: runProbes }), outlive, signal),
  resume: ({ outlive, ...params }, signal) =>
    only((stop) => resume({ ...params, signal: stop, events, probe: runProbes }), outlive, signal),
  async stop() {
    training?.controller.abort();
    await training?.finished.catch(() => undefined);
    return {};
  },
  examineMachine: ({ folder }) => examine(CLI, folder),
  setUpCuda: ({ from }, signal) => setUpCuda(CLI, { from, signal }),
  check: ({ text }) => checkExperiment(text, ExperimentSchema),
  objectives: () => objectives.map((objective) => ObjectiveSummary.parse(objective)),
  template: ({ name, objectives: types }) => {
    const snippets = objectiveSnippets(experimentJsonSchema(ExperimentSchema));
    return {
      text: newExperiment(
        name,
        snippets.filter(({ label }) => types.includes(label)),
      ),
    };
  },
  compare: ({ comparison, resume, outlive }, signal) =>
    only((stop) => runComparison(comparison, { resume, cli: CLI, signal: stop, events: comparisonEvents }), outlive, signal),
  checkComparison: ({ text, path }) => checkComparison(text, path),
  comparisonOf: ({ path }) => stateOf(path),
  comparisonTemplate: ({ experiment, ...choices }) => ({ text: fillIn(experiment, choices) }),
  suggestProbes: ({ experiment, folder, files }) => offeredProbes(experiment, folder, files),
  advise: ({ task, data, folders }) => {
    const reports = folders.flatMap((folder) => listComparisons(comparisonsOf(folder)).map(reportOf));
    return advise(task, data, reports);
  },
  comparisons: ({ folder }) =>
    listComparisons(comparisonsOf(folder)).map((each) => {
      const { name, createdAt, members } = reportOf(each);
      return { name, createdAt, members, folder: each };
    }),
  comparison: ({ folder }) => reportOf(folder),
  runs: ({ runs }) => listRuns(runs),
  stopRun: ({ run }) => ({ asked: askToStop(run) }),
  metrics: ({ run, after, limit }) => readMetrics(run, after, limit),
  export: ({ model, folder, format }) => exportModel(model, folder, format),
  async tokenize({ model, text }) {
    // The first look at a text takes up a newer checkpoint; predictions that follow are made by the same one.
    const current = reader(model, true);
    const tokens = await current.tokenize(text);
    const { step, folder } = current.model;
    return { tokens, checkpoint: folder, ...(step !== undefined && { step }) };
  },
  predict: ({ model, text, spans, top }, signal) => reader(model, false).predict(text, spans, top, signal),
  surprisal: ({ model, text, quick, at }, signal) => reader(model, false).surprisal(text, quick, signal, at),
  attention: ({ model, text, index, layer, hidden }) => reader(model, false).attention(text, index, layer, hidden),
  mask: ({ model, text, draw }) => reader(model, false).mask(text, draw),
  similarity: ({ model, ...query }, signal) => reader(model, false).similarity(query, signal),
  geometry: ({ model, ...query }, signal) => reader(model, false).geometry(query, signal),
  map: ({ model, projection, ...query }, signal) => reader(model, false).map(query, projection, signal),
  neighbours: ({ model, root, text, top, budget }, signal) => reader(model, false).neighbours(root, text, top, budget, signal),
  checkpoints: ({ run }) => describeCheckpoints(run),
  batch: ({ model, step, objective }, signal) => trainingBatch(model, { step, objective }, signal),
};

/** A message that can no longer be sent is lost with the host that would have read it: 'disconnect' deals with that. */
const send = (message: unknown): void => {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
};
const link = new MessageHandler(protocol.trainer, protocol.host, handlers, send, (problem) => process.stderr.write(`${problem}\n`));

process.on('message', (message) => link.receive(message));
/** Finishes the step in hand, writes the checkpoint, leaves. */
const leave = (): void => {
  training?.controller.abort();
  void (training?.finished ?? Promise.resolve()).catch(() => undefined).finally(() => process.exit());
};
// The window is gone, or closes.
process.on('disconnect', () => {
  if (!training?.outlive) return leave();
  void training.finished.catch(() => undefined).finally(() => process.exit());
});
// Nobody reads what is said after that.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
process.on('SIGTERM', leave);
process.on('unhandledRejection', (error) => link.emit('log', { level: 'error', message: toWireError(error).message }));
