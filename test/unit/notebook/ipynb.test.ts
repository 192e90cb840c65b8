import { describe, expect, it } from 'vitest';
import { CellOutputs, makeNotebook, METADATA, parseNotebook, sourceOf, writeNotebook } from '../../../src/notebook/ipynb';
import { VIEW_MIME } from '../../../src/shared/views';

describe('a notebook file', () => {
  it('is read as it was written, with what is in it beyond our own', () => {
    const notebook = makeNotebook([
      { kind: 'markdown', text: '# Title\n\ntext' },
      { kind: 'code', text: 'const a = 1;\na' },
    ]);
    const foreign = { ...notebook, metadata: { ...notebook.metadata, other: { deep: [1] } } };
    const again = parseNotebook(writeNotebook(foreign), 'x.ipynb');
    expect(again).toEqual(foreign);
    expect(again.cells.map(sourceOf)).toEqual(['# Title\n\ntext', 'const a = 1;\na']);
    expect(again.cells[1]).toMatchObject({ source: ['const a = 1;\n', 'a'], execution_count: null, outputs: [] });
    expect(again.metadata.kernelspec).toEqual(METADATA.kernelspec);
  });

  it.each([
    ['{', /x\.ipynb is no notebook: it is not JSON/],
    ['{"nbformat": 3}', /x\.ipynb is no notebook of format 4/],
    [
      '{"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"language": "python"}}, "cells": []}',
      /x\.ipynb is written in python/,
    ],
  ])('that is none is refused with its name: %s', (text, message) => {
    expect(() => parseNotebook(text, 'x.ipynb')).toThrow(
      expect.objectContaining({ code: 'notebook', message: expect.stringMatching(message) as string }) as Error,
    );
  });
});

describe('the outputs of a cell', () => {
  it('are joined by stream, replaced by id, and keep JSON as it is', () => {
    const outputs = new CellOutputs();
    outputs.add({ kind: 'stream', name: 'stdout', text: 'a\nb' });
    outputs.add({ kind: 'stream', name: 'stdout', text: 'c\n' });
    outputs.add({ kind: 'display', id: 'x', data: { 'text/plain': 'first' } });
    outputs.add({ kind: 'stream', name: 'stderr', text: 'e' });
    outputs.add({ kind: 'display', id: 'x', data: { [VIEW_MIME]: { kind: 'table' }, 'text/plain': 'second\nline' } });
    outputs.fail({ name: 'RangeError', message: 'no', stack: 'RangeError: no\n    at cell [1]' });
    expect(outputs.list).toEqual([
      { output_type: 'stream', name: 'stdout', text: ['a\n', 'bc\n'] },
      { output_type: 'display_data', metadata: {}, data: { [VIEW_MIME]: { kind: 'table' }, 'text/plain': ['second\n', 'line'] } },
      { output_type: 'stream', name: 'stderr', text: ['e'] },
      { output_type: 'error', ename: 'RangeError', evalue: 'no', traceback: ['RangeError: no', '    at cell [1]'] },
    ]);
  });
});
