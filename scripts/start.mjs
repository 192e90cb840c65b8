// npm start: the lab in a real VS Code on the sample workspace.
//   npm start                          desktop VS Code if its "code" command is on the PATH, otherwise VS Code in the browser
//   npm start -- --browser [--port N]  always in the browser
//   npm start -- --terminal [--steps N] [--device D]   no editor: trains the sample experiment and shows what it learned
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { installWorkbench } from './install-workbench.mjs';
import { followRuns } from './lib/follow.mjs';
import { samples, workbench } from './lib/paths.mjs';
import { Explained, main, run } from './lib/run.mjs';
import { startServer } from './lib/server.mjs';
import { build, install } from './lib/setup.mjs';
import { terminal } from './lib/terminal.mjs';
import { packageExtension } from './lib/vsix.mjs';

const PORT = 8421;
const WITHOUT_EDITOR = 'Without an editor: npm start -- --terminal';

const { values } = parseArgs({
  options: {
    terminal: { type: 'boolean', default: false },
    browser: { type: 'boolean', default: false },
    port: { type: 'string' },
    steps: { type: 'string' },
    device: { type: 'string' },
  },
});

await main(async () => {
  await install();
  if (values.terminal) {
    await build();
    const { steps, device } = values;
    return terminal([...(steps ? ['--steps', steps] : []), ...(device ? ['--device', device] : [])]);
  }
  const vsix = await packageExtension();
  const print = (/** @type {string} */ line) => console.log(line);
  if (!values.browser && (await openDesktop(vsix))) {
    console.log('\nVS Code is open on samples/. Open quickstart.lab.json and start the run from its title bar.');
    console.log('Progress of runs appears here; Ctrl-C ends this. Uninstall with: code --uninstall-extension objective-lab.objective-lab');
    const stopFollowing = followRuns(join(samples, '.objective-lab', 'runs'), print);
    await interrupted();
    stopFollowing();
    return 0;
  }
  return openBrowser(vsix, print);
});

/**
 * Installs the extension into the desktop's VS Code and opens the samples; false where there is none, or it will not start.
 * @param {string} vsix
 */
async function openDesktop(vsix) {
  const names = process.platform === 'win32' ? ['code.cmd'] : ['code'];
  const code = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
  if (!code) return false;
  const call = (/** @type {string[]} */ args) =>
    process.platform === 'win32' ? run('cmd.exe', ['/d', '/s', '/c', code, ...args]) : run(code, args);
  if ((await call(['--install-extension', vsix, '--force'])) === 0 && (await call(['--new-window', samples])) === 0) return true;
  console.log('The "code" command failed; opening VS Code in the browser instead.');
  return false;
}

/**
 * @param {string} vsix
 * @param {(line: string) => void} print
 */
async function openBrowser(vsix, print) {
  try {
    installWorkbench();
  } catch (error) {
    if (error instanceof Explained) throw new Explained(`${error.message}\n${WITHOUT_EDITOR}`);
    throw error;
  }
  const port = values.port === undefined ? await freePort() : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Explained(`--port ${port} is no port: give a number up to 65535.`);
  const server = await startServer({ data: join(workbench, 'data'), port, extensions: [vsix], settings: { 'files.hotExit': 'onExit' } });
  const stopFollowing = followRuns(join(samples, '.objective-lab', 'runs'), print);
  console.log(`\nObjective Lab: http://${server.host}/?folder=${encodeURIComponent(samples)}`);
  console.log('Open quickstart.lab.json and start the run from its title bar. Progress of runs appears here; Ctrl-C ends the workbench.\n');
  const ended = await Promise.race([interrupted(), server.ended]);
  stopFollowing();
  await server.stop();
  if (ended !== 'interrupted') throw new Explained(`The workbench's server ended by itself:\n${server.log()}\n${WITHOUT_EDITOR}`);
  return 0;
}

/** The usual port, so that the browser remembers the workbench's state; any other where it is taken. */
async function freePort() {
  const probe = createServer().listen(PORT, '127.0.0.1');
  try {
    await once(probe, 'listening');
    return PORT;
  } catch {
    return 0;
  } finally {
    probe.close();
  }
}

/** @returns {Promise<'interrupted'>} */
function interrupted() {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve('interrupted'));
  });
}
