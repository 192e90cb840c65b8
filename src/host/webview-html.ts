export interface Shell {
  readonly title: string;
  readonly cspSource: string;
  readonly nonce: string;
  readonly script: string;
  /** The style sheet itself: a page with one file to fetch opens sooner than one with two. */
  readonly style: string;
}

/** The page of a webview: no content of its own, one style sheet, one script, and a policy that allows nothing else. */
export function shellHtml({ title, cspSource, nonce, script, style }: Shell): string {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; font-src ${cspSource}`;
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
    <script nonce="${nonce}" src="${script}"></script>
  </body>
</html>`;
}
