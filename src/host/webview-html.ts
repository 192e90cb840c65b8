export interface Shell {
  readonly title: string;
  readonly nonce: string;
  readonly script: string;
  readonly style: string;
  /** Messages of the host that the view takes up before all others. */
  readonly beginning: readonly unknown[];
}

/**
 * The page of a webview: no content of its own, one style sheet, one script, and a policy that allows nothing else. Everything stands in the page: what it had to
 * fetch would go through the window to the extension's machine and back.
 */
export function shellHtml({ title, nonce, script, style, beginning }: Shell): string {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="UTF-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <style nonce="${nonce}">${style}</style>
    <title>${title}</title>
  </head>
  <body>
    <main id="root"></main>
    <script type="application/json" id="beginning" data-page="${nonce}">${JSON.stringify(beginning).replaceAll('<', '\\u003c')}</script>
    <script nonce="${nonce}">${script}</script>
  </body>
</html>`;
}
