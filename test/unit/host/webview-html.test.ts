import { expect, it } from 'vitest';
import { shellHtml } from '../../../src/host/webview-html';

it('carries messages as data, whatever stands in them', () => {
  const beginning = [{ text: '</script><script>alert(1)</script><!--', other: 'Ishmael & "Queequeg" \u2028' }];
  const html = shellHtml({ title: 'Inspector', nonce: 'n', script: 'start()', style: 'p {}', beginning });
  const [, data] = /<script type="application\/json" id="beginning" data-page="n">(.*?)<\/script>/s.exec(html) ?? [];
  expect(JSON.parse(data ?? '')).toEqual(beginning);
  expect(html.match(/<script/g)).toHaveLength(2);
});

it('allows its own script and style, and nothing else', () => {
  const html = shellHtml({ title: 'Inspector', nonce: 'n', script: '', style: '', beginning: [] });
  expect(html).toContain(`content="default-src 'none'; script-src 'nonce-n'; style-src 'nonce-n'"`);
});
