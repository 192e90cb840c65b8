import { resolve } from 'node:path';
import type ts from 'typescript/lib/tsserverlibrary';

/**
 * A plugin of VS Code's own TypeScript server, which completes and explains cells of notebooks as it does files: it tells the server of `lab`. The server
 * looks for plugins in `node_modules` alone; the build puts this one there.
 */
const TYPES = resolve(__dirname, '../../dist/lab.d.ts');

/** The server's name of a document that is a cell. */
const isCell = (file: string): boolean => file.includes('vscode-notebook-cell');

function init(): ts.server.PluginModule {
  return {
    create({ languageServiceHost: host, languageService }) {
      const files = host.getScriptFileNames.bind(host);
      host.getScriptFileNames = () => {
        const own = files();
        return own.some(isCell) ? [...own, TYPES] : own;
      };
      return languageService;
    },
  };
}

export = init;
