import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { workbenchPrograms } from '../install-workbench.mjs';

/** A workbench that asks nothing, fetches nothing and changes nothing by itself. */
const SETTINGS = {
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.enableExperiments': false,
  'workbench.settings.enableNaturalLanguageSearch': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.reduceMotion': 'on',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'git.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
  'git.autoRepositoryDetection': false,
  'github.gitAuthentication': false,
  'window.restoreWindows': 'none',
  'window.dialogStyle': 'custom',
  'window.confirmBeforeClose': 'never',
  'files.autoSave': 'off',
  'files.hotExit': 'off',
  'files.simpleDialog.enable': true,
  'npm.fetchOnlinePackageInfo': false,
  'typescript.disableAutomaticTypeAcquisition': true,
  'json.schemaDownload.enable': false,
  'editor.hover.delay': 100,
  'editor.cursorBlinking': 'solid',
  'editor.occurrencesHighlight': 'off',
  'editor.minimap.enabled': false,
};

/** Folders are not trusted until somebody says so, unasked. */
const TRUST = { 'security.workspace.trust.enabled': true, 'security.workspace.trust.startupPrompt': 'never' };

const NO_GALLERY = JSON.stringify({ serviceUrl: '', itemUrl: '', resourceUrlTemplate: '' });
const LONGEST_START = 30_000;

/**
 * @typedef {object} ServerOptions
 * @property {readonly string[]} [extensions] packaged extensions to install, as a user would
 * @property {boolean} [trust] asks whether folders are trusted, and holds back what runs until they are
 * @property {boolean} [driver] lets a page load the extension and its tests from folders; hides notifications and dialogs
 * @property {Record<string, unknown>} [settings] on top of the quiet ones
 * @property {string} [data] folder for user data and extensions, which stays; without it a fresh one that goes with the server
 * @property {number} [port] any free one by default
 *
 * @typedef {object} Server
 * @property {string} host `127.0.0.1:port`
 * @property {() => string} log everything the server has said
 * @property {Promise<number | null>} ended resolves with the exit code
 * @property {() => Promise<void>} stop ends every process of the server and removes its data if they were fresh
 */

/**
 * Starts a VS Code server that only this machine can reach.
 *
 * @param {ServerOptions} options
 * @returns {Promise<Server>}
 */
export async function startServer({ extensions = [], trust = false, driver = false, settings = {}, data: kept, port = 0 }) {
  const { node, server } = workbenchPrograms();
  const data = kept ?? mkdtempSync(path.join(tmpdir(), 'objective-lab-server-'));
  const user = path.join(data, 'user');
  const installed = path.join(data, 'extensions');
  mkdirSync(path.join(user, 'User'), { recursive: true });
  mkdirSync(installed, { recursive: true });
  const settingsFile = path.join(user, 'User', 'settings.json');
  if (!existsSync(settingsFile)) writeFileSync(settingsFile, JSON.stringify({ ...SETTINGS, ...(trust && TRUST), ...settings }, null, 2));
  const env = environment(data, path.dirname(node));
  const common = [server, '--config', '/dev/null', '--user-data-dir', user, '--extensions-dir', installed];
  for (const extension of extensions) execFileSync(node, [...common, '--install-extension', extension, '--force'], { env, stdio: 'pipe' });

  const disabled = ['telemetry', 'update-check', 'getting-started-override', 'proxy', ...(trust ? [] : ['workspace-trust'])];
  const flags = disabled.map((name) => `--disable-${name}`);
  const network = ['--bind-addr', `127.0.0.1:${port}`, '--auth', 'none', '--ignore-last-opened'];
  const extra = driver ? ['--vscode-option', 'enable-smoke-test-driver'] : [];
  // A process group of its own, because the extension hosts outlive the server by seconds unless the whole group is ended.
  const child = spawn(node, [...common, ...network, ...flags, ...extra], {
    env,
    cwd: data,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const stop = async () => {
    if (child.pid !== undefined) await endGroup(child.pid);
    if (kept === undefined) rmSync(data, { recursive: true, force: true, maxRetries: 3 });
  };
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve) => child.once('exit', resolve));
  /** @type {Promise<number>} */
  const listening = new Promise((resolve, reject) => {
    /** @param {Buffer} chunk */
    const hear = (chunk) => {
      log += chunk.toString();
      const bound = /HTTP server listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      if (bound !== undefined) resolve(Number(bound));
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`The VS Code server ended with code ${code ?? 'none'}:\n${log}`)));
    setTimeout(() => reject(new Error(`The VS Code server did not start within ${LONGEST_START} ms:\n${log}`)), LONGEST_START).unref();
  });
  try {
    return { host: `127.0.0.1:${await listening}`, log: () => log, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * @param {string} data
 * @param {string} binaries
 * @returns {NodeJS.ProcessEnv}
 */
function environment(data, binaries) {
  // Left over from a terminal inside VS Code, or from `npm start`, these would reach the server.
  const leftOver = new Set(['VSCODE_IPC_HOOK_CLI', 'PORT', 'NODE_OPTIONS']);
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !leftOver.has(name))),
    XDG_DATA_HOME: path.join(data, 'xdg'),
    XDG_CONFIG_HOME: path.join(data, 'xdg'),
    EXTENSIONS_GALLERY: NO_GALLERY,
    PATH: [binaries, process.env.PATH ?? ''].join(path.delimiter),
  };
}

/** @param {number} pid */
async function endGroup(pid) {
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGKILL'])) {
    try {
      process.kill(-pid, signal);
    } catch {
      return; // nobody is left in the group
    }
    if (signal === 'SIGTERM') await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
