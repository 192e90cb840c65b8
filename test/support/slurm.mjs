// A real Slurm cluster of one node in a temporary folder, from Debian's packages.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Explained } from '../../scripts/lib/run.mjs';
import { aptInstall, onPath } from './programs.mjs';

const PROGRAMS = ['munged', 'slurmctld', 'slurmd', 'sbatch'];
const LONGEST_START = 20_000;

/**
 * Starts munged, slurmctld and slurmd as root, with a partition `lab` of one node that takes `cpus` jobs at once. There is no accounting, as on the
 * smallest of clusters. Debian's packages are installed where they are missing.
 *
 * @param {{ cpus?: number }} [options] the node claims so many processors, whatever it has
 * @returns {Promise<{ conf: string, stop: () => Promise<void> }>} the file that SLURM_CONF must name
 * @throws {Explained} that says what is missing, or why a program does not start
 */
export async function startCluster({ cpus = 4 } = {}) {
  ensureSlurm();
  const folder = mkdtempSync(join(tmpdir(), 'slurm-'));
  chmodSync(folder, 0o755);
  for (const name of ['munge', 'state', 'spool']) mkdirSync(join(folder, name), { mode: 0o755 });
  const at = (/** @type {string} */ name) => join(folder, name);
  writeFileSync(at('munge/key'), randomBytes(128), { mode: 0o600 });
  const [controller = 0, daemon = 0] = await freePorts(2);
  writeFileSync(at('slurm.conf'), configuration({ folder, cpus, controller, daemon }));
  writeFileSync(at('cgroup.conf'), `CgroupPlugin=${version() >= 23.02 ? 'disabled' : 'cgroup/v1'}\n`);
  const conf = at('slurm.conf');
  const munge = ['key-file', 'socket', 'pid-file', 'log-file', 'seed-file'].map((name) => `--${name}=${at(`munge/${name.split('-')[0]}`)}`);
  /** @type {Daemon[]} */
  const daemons = [];
  const stop = async () => {
    for (const each of daemons.reverse()) await each.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    daemons.push(new Daemon('munged', ['--foreground', ...munge], folder));
    await until(daemons, () => execFileSync('munge', ['--no-input', `--socket=${at('munge/socket')}`], { stdio: 'ignore' }));
    daemons.push(new Daemon('slurmctld', ['-D'], folder), new Daemon('slurmd', ['-D'], folder));
    await until(daemons, () => {
      const state = execFileSync('sinfo', ['--noheader', '--format=%t'], { encoding: 'utf8', stdio: 'pipe', env: environment(conf) });
      if (state.trim() !== 'idle') throw new Error(`The node is "${state.trim()}".`);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { conf, stop };
}

/** @param {string} conf */
const environment = (conf) => ({ ...process.env, SLURM_CONF: conf });

/** A program in the foreground whose output is kept in `<folder>/<name>.out`. */
class Daemon {
  /**
   * @param {string} name
   * @param {string[]} args
   * @param {string} folder
   */
  constructor(name, args, folder) {
    this.name = name;
    this.log = join(folder, `${name}.out`);
    const output = openSync(this.log, 'w');
    this.child = spawn(name, args, { stdio: ['ignore', output, output], env: environment(join(folder, 'slurm.conf')) });
    /** @type {Promise<unknown>} */
    this.ended = new Promise((resolve) => {
      this.child.once('exit', resolve).once('error', resolve);
    });
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGTERM');
    await Promise.race([this.ended, delay(5000, undefined, { ref: false })]);
    this.child.kill('SIGKILL');
  }
}

/**
 * Tries until it works; a daemon that has ended, or the time, ends the trying.
 * @param {readonly Daemon[]} daemons
 * @param {() => void} attempt
 */
async function until(daemons, attempt) {
  for (const end = Date.now() + LONGEST_START; ;) {
    try {
      attempt();
      return;
    } catch (error) {
      const ended = daemons.find(({ child }) => child.exitCode !== null);
      if (!ended && Date.now() < end) {
        await delay(100);
        continue;
      }
      const said = daemons.map(({ name, log }) => `${name}:\n${readFileSync(log, 'utf8').slice(-2000)}`).join('\n');
      throw new Explained(
        `The Slurm cluster for the tests does not start${ended ? `: ${ended.name} has ended` : ''}. ${String(error)}\n${said}`,
      );
    }
  }
}

/** @param {{ folder: string, cpus: number, controller: number, daemon: number }} options */
const configuration = ({ folder, cpus, controller, daemon }) => `ClusterName=lab
SlurmctldHost=${hostname()}(127.0.0.1)
SlurmctldPort=${controller}
SlurmdPort=${daemon}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/munge/socket
CredType=cred/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
KillWait=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0
NodeName=${hostname()} NodeAddr=127.0.0.1 CPUs=${cpus} State=UNKNOWN
PartitionName=lab Nodes=ALL Default=YES State=UP
`;

/** As a number, so that 22.05.8 is 22.05. */
const version = () => Number(/(\d+\.\d+)/.exec(execFileSync('slurmctld', ['-V'], { encoding: 'utf8' }))?.[1]);

/**
 * @param {number} count
 * @returns {Promise<number[]>}
 */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports = await Promise.all(
    servers.map(async (server) => {
      if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
      return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
    }),
  );
  for (const server of servers) server.close();
  return ports;
}

function ensureSlurm() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Explained(
      'The tests of Slurm start a cluster of their own, which takes Linux and root. `npm test -- --only …` names the other suites.',
    );
  // Debian keeps daemons where only root's PATH leads.
  process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  const missing = () => PROGRAMS.filter((program) => onPath(program) === undefined);
  if (missing().length > 0) aptInstall(['slurm-wlm', 'munge']);
  if (missing().length > 0) throw new Explained(`The tests of Slurm need ${missing().join(', ')}: Debian's packages slurm-wlm and munge.`);
}
