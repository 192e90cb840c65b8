// The same training step in our engine and in others, in turn. README.md tells what is compared and how to read the table.
//   node bench/peers/run.mjs [--preset tiny,mini,small] [--peers pytorch,tfjs,tfjs-node,jax-js] [--seconds N] [--dropout P] [--json FILE]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkLosses, Disagreement, takeTurns } from './measure.mjs';
import { report } from './report.mjs';
import { bundleOurs, npm, python } from './setup.mjs';
import { median } from './statistics.mjs';

const CORES = availableParallelism();
const EITHER = [...new Set([1, CORES])];

/** `threads` are the counts to choose from, `forms` the ways to run it; only some have dropout. */
const PEERS = {
  pytorch: {
    setup: () => python('pytorch'),
    forms: ['eager-slots', 'eager-full', 'compiled-slots', 'compiled-full'],
    threads: EITHER,
    dropout: true,
  },
  tfjs: { setup: () => npm('tfjs', '--ignore-scripts'), threads: [1] },
  'tfjs-node': { setup: () => npm('tfjs-node'), threads: [CORES] },
  'jax-js': { setup: () => npm('jax-js', '--ignore-scripts'), threads: [1] },
};

const { values: options } = parseArgs({
  options: {
    preset: { type: 'string', default: 'tiny,mini,small' },
    peers: { type: 'string', default: Object.keys(PEERS).join() },
    seconds: { type: 'string', default: '30' },
    dropout: { type: 'string', default: '0' },
    json: { type: 'string' },
  },
});
const peers = options.peers.split(',');
const unknown = peers.find((name) => !Object.hasOwn(PEERS, name));
if (unknown !== undefined) throw new Error(`There is no peer "${unknown}"; there are ${Object.keys(PEERS).join(', ')}.`);
const [seconds, dropout] = [Number(options.seconds), Number(options.dropout)];

const bundles = await bundleOurs();
const ours = { command: [process.execPath, join(bundles, 'contender.mjs')] };
const scratch = mkdtempSync(join(tmpdir(), 'peers-'));
const versions = {};
const rows = [];
try {
  for (const preset of options.preset.split(',')) {
    const folder = mkdtempSync(join(scratch, `${preset}-`));
    execFileSync(process.execPath, [join(bundles, 'workload.mjs'), folder, preset, String(dropout)], { stdio: 'inherit' });
    const threads = await fastest(ours, folder, EITHER);
    for (const name of peers) {
      for (const form of PEERS[name].forms ?? ['']) await comparePeer(name, form, threads, folder, preset);
    }
  }
} finally {
  rmSync(scratch, { recursive: true });
}
const { platform, arch } = process;
const machine = { processor: cpus()[0]?.model.trim() ?? arch, cores: CORES, platform: `${platform} ${arch}` };
const result = { machine, dropout, versions, rows };
if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
process.stdout.write(report(result));

/** Adds the rows of one peer: each with the threads that suit it best, and both with one thread; or the reason why there are none. */
async function comparePeer(name, form, ourThreads, folder, preset) {
  const row = { preset, peer: form ? `${name} ${form}` : name };
  process.stderr.write(`${preset}: ${row.peer} …\n`);
  try {
    const peer = PEERS[name];
    if (dropout > 0 && !peer.dropout) throw new Error('written without dropout');
    const spec = { command: peer.setup(), env: { FORM: form } };
    const best = [ourThreads, await fastest(spec, folder, peer.threads)];
    const single = peer.threads.includes(1) && Math.max(...best) > 1 ? [[1, 1]] : [];
    for (const threads of [best, ...single]) {
      const [a, b] = await takeTurns(
        [ours, spec].map((each, i) => ({ spec: each, threads: threads[i] })),
        folder,
        seconds,
      );
      checkLosses(a, b, dropout);
      versions.ours = a.versions;
      versions[name] = b.versions;
      rows.push({ ...row, threads: [a.threads, b.threads], pairs: a.times.map((ms, turn) => [ms, b.times[turn]]) });
    }
  } catch (error) {
    rows.push({ ...row, reason: error.message });
    if (error instanceof Disagreement) process.exitCode = 1;
  }
}

/** The number of threads with which a contender's steps are the shortest. */
async function fastest(spec, folder, counts) {
  if (counts.length === 1) return counts[0];
  const results = await takeTurns(
    counts.map((threads) => ({ spec, threads })),
    folder,
    0,
  );
  const times = results.map((result) => median(result.times));
  return counts[times.indexOf(Math.min(...times))];
}
