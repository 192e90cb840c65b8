import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectFile, listFiles, readPieces, ReadError } from '../../../src/text/corpus';
import { folderOf } from './folder';

const names = async (root: string, query: Omit<Parameters<typeof listFiles>[0], 'root'> = {}): Promise<string[]> =>
  (await listFiles({ root, ...query })).map(({ name }) => name);

describe('listFiles', () => {
  it('finds Markdown and plain text, in one order on every system', async () => {
    const root = folderOf({ 'b.md': '', 'a.txt': '', 'sub/c.md': '', 'B.md': '', 'x.ts': '', 'sub-2/d.txt': '', '.hidden/e.md': '' });
    expect(await names(root)).toEqual(['B.md', 'a.txt', 'b.md', 'sub-2/d.txt', 'sub/c.md']);
  });

  it('adds source code if asked', async () => {
    const root = folderOf({ 'a.md': '', 'b.ts': '', 'c.rs': '', 'd.png': '' });
    expect(await names(root, { code: true })).toEqual(['a.md', 'b.ts', 'c.rs']);
  });

  it('takes what include names but not what exclude names, by pattern or by folder', async () => {
    const root = folderOf({ 'a.rst': '', 'b.md': '', 'drafts/c.rst': '', 'old/deep/d.rst': '' });
    expect(await names(root, { include: ['./**/*.rst'], exclude: ['drafts', '**/deep/**'] })).toEqual(['a.rst']);
  });

  it('obeys .gitignore files, the nested ones over those above', async () => {
    const root = folderOf({
      '.gitignore': '*.log.md\n/build/\n',
      'a.md': '',
      'b.log.md': '',
      'build/c.md': '',
      'sub/build/d.md': '',
      'sub/.gitignore': '!keep.log.md\n/only-here.md\n',
      'sub/keep.log.md': '',
      'sub/only-here.md': '',
      'sub/deep/only-here.md': '',
    });
    expect(await names(root)).toEqual(['a.md', 'sub/build/d.md', 'sub/deep/only-here.md', 'sub/keep.log.md']);
  });

  it('never enters .git, node_modules and .objective-lab', async () => {
    const root = folderOf({ 'a.md': '', '.git/b.md': '', 'node_modules/p/c.md': '', 'sub/.objective-lab/d.md': '' });
    expect(await names(root, { include: ['**/*.md', '.git/**', '**/.objective-lab/**'] })).toEqual(['a.md']);
  });

  it('follows symbolic links within the folder once, loops and dangling ones too', async () => {
    const root = folderOf({ 'sub/a.md': '', 'other/b.md': '' });
    symlinkSync(root, join(root, 'sub', 'loop'));
    symlinkSync(join(root, 'other'), join(root, 'linked'));
    symlinkSync(join(root, 'sub', 'a.md'), join(root, 'z.md'));
    symlinkSync(join(root, 'nothing'), join(root, 'dangling.md'));
    symlinkSync('self.md', join(root, 'self.md'));
    expect(await names(root)).toEqual(['linked/b.md', 'sub/a.md']);
  });

  it('follows no symbolic link that leads out of the folder, but the folder itself may be one', async () => {
    const outside = folderOf({ 'secret.md': '', 'sub/more.md': '' });
    const root = folderOf({ 'a.md': '' });
    symlinkSync(outside, join(root, 'folder'));
    symlinkSync(join(outside, 'secret.md'), join(root, 'file.md'));
    symlinkSync(join('..', basename(outside), 'sub'), join(root, 'relative'));
    symlinkSync(join(root, 'folder', 'sub'), join(root, 'in-two-steps'));
    symlinkSync(join(root, '..'), join(root, 'above'));
    const twin = `${root}-twin`;
    mkdirSync(twin);
    writeFileSync(join(twin, 'b.md'), '');
    symlinkSync(twin, join(root, 'twin'));
    expect(await names(root)).toEqual(['a.md']);
    symlinkSync(root, join(outside, 'corpus'));
    expect(await names(join(outside, 'corpus'))).toEqual(['a.md']);
    rmSync(twin, { recursive: true });
  });

  it('takes any name that the system allows', async () => {
    const odd = [
      'a b',
      ' a',
      "it's",
      '"q"',
      '100%',
      '%41',
      '#1',
      '-rf',
      '--',
      'back\\slash',
      '🐳',
      'é',
      'e\u0301',
      '{x}',
      '[x]',
      '(x)',
      '!x',
      '$HOME',
      '`x`',
      '\n',
      '\u202e',
      '<img src=x>',
      '~',
    ];
    const root = folderOf(
      Object.fromEntries(
        odd.flatMap((name) => [
          [`${name}.md`, name],
          [`${name}/in.md`, name],
        ]),
      ),
    );
    const files = await listFiles({ root });
    expect(files).toHaveLength(2 * odd.length);
    for (const { path, name } of files) expect((await pieces(path)).join('')).toBe(name.replace(/(\/in)?\.md$/, ''));
  });

  it('says so if the folder does not exist', async () => {
    await expect(names('/no/such/folder')).rejects.toMatchObject({
      name: 'UserError',
      code: 'corpus',
      message: expect.stringContaining('/no/such/folder') as string,
    });
  });
});

async function pieces(path: string): Promise<string[]> {
  const all: string[] = [];
  for await (const piece of readPieces(path)) all.push(piece);
  return all;
}

describe('inspectFile', () => {
  it('gives the hash and the length of the bytes of a text', async () => {
    const root = folderOf({ 'a.md': 'The whale.\n' });
    const hash = createHash('sha256').update('The whale.\n').digest('hex');
    expect(await inspectFile(join(root, 'a.md'))).toEqual({ hash, bytes: 11 });
  });

  it.each([
    ['binary', Uint8Array.of(0x61, 0, 0x62)],
    ['encoding', Uint8Array.of(0x61, 0xe9, 0x62)],
    ['encoding', Buffer.concat([Buffer.alloc(3 << 20, 'a'), Buffer.of(0xc3)])],
    ['empty', ''],
    ['empty', '\ufeff \r\n\t'],
  ])('says %s', async (reason, content) => {
    const root = folderOf({ file: content });
    expect(await inspectFile(join(root, 'file'))).toEqual({ skipped: reason });
  });

  it('says gone and unreadable', async () => {
    const root = folderOf({ 'sub/a': '' });
    expect(await inspectFile(join(root, 'none'))).toEqual({ skipped: 'gone' });
    expect(await inspectFile(join(root, 'sub'))).toEqual({ skipped: 'unreadable' });
  });

  it('does not take characters that lie across two reads for a wrong encoding', async () => {
    const root = folderOf({ a: 'a' + '😀'.repeat(700_000) });
    expect(await inspectFile(join(root, 'a'))).toMatchObject({ bytes: 2_800_001 });
  });

  it('stops when it is told to', async () => {
    const root = folderOf({ a: 'text' });
    await expect(inspectFile(join(root, 'a'), AbortSignal.abort())).rejects.toThrow('aborted');
  });
});

describe('readPieces', () => {
  it('drops the byte order mark and keeps line ends', async () => {
    const root = folderOf({ a: '\ufeffone\r\ntwo\n' });
    expect(await pieces(join(root, 'a'))).toEqual(['one\r\ntwo\n']);
  });

  it('cuts a large file at line ends into pieces of bounded size, and loses nothing', async () => {
    const text = Array.from({ length: 400_000 }, (_, i) => `Line ${i} of the log.\n`).join('');
    const root = folderOf({ a: text });
    const parts = await pieces(join(root, 'a'));
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.join('')).toBe(text);
    for (const part of parts) {
      expect(part.endsWith('\n')).toBe(true);
      expect(part.length).toBeLessThan(6 << 20);
    }
  });

  it('cuts a line without end at a blank, or between characters', async () => {
    for (const unit of ['word ', '😀', 'a😀']) {
      const text = unit.repeat(3_000_000);
      const root = folderOf({ a: text });
      const parts = await pieces(join(root, 'a'));
      expect(parts.length).toBeGreaterThan(1);
      expect(parts.join('') === text).toBe(true);
      for (const part of parts) expect(part.isWellFormed()).toBe(true);
      for (const part of parts.slice(0, -1)) expect(part.endsWith(' ')).toBe(unit.endsWith(' '));
    }
  });

  it('ends where the file ended when it was opened, however it grows', async () => {
    const line = 'A line of the log.\n';
    const root = folderOf({ log: line.repeat(300_000) });
    const path = join(root, 'log');
    let read = 0;
    for await (const piece of readPieces(path)) {
      read += piece.length;
      appendFileSync(path, line.repeat(300_000));
    }
    expect(read).toBe(line.length * 300_000);
  });

  it('ends early, or with the reason, where a file shrinks or vanishes meanwhile', async () => {
    const root = folderOf({ a: 'A line of the log.\n'.repeat(600_000) });
    const path = join(root, 'a');
    let read = 0;
    for await (const piece of readPieces(path)) {
      read += piece.length;
      truncateSync(path, 100);
    }
    expect(read).toBeLessThan(6 << 20);
    rmSync(path);
    await expect(pieces(path)).rejects.toMatchObject({ name: 'ReadError', reason: 'gone' });
  });

  it.skipIf(process.platform === 'win32')('does not wait for a pipe, nor read a device without end', async () => {
    const root = folderOf({ a: '' });
    execFileSync('mkfifo', [join(root, 'pipe.md')]);
    for (const path of [join(root, 'pipe.md'), '/dev/zero']) {
      expect(await inspectFile(path)).toEqual({ skipped: 'unreadable' });
      await expect(pieces(path)).rejects.toMatchObject({ name: 'ReadError', reason: 'unreadable' });
    }
    expect(await names(root, { include: ['**'] })).toEqual(['a']);
  });

  it('fails with the reason', async () => {
    const root = folderOf({ wrong: Uint8Array.of(0xff) });
    await expect(pieces(join(root, 'wrong'))).rejects.toMatchObject({ name: 'ReadError', reason: 'encoding' });
    await expect(pieces(join(root, 'none'))).rejects.toBeInstanceOf(ReadError);
  });
});
