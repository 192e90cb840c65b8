import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { parse } from 'csv-parse/sync';
import { parquetColumns } from './parquet';

/** How much of a file is looked at: a header is far shorter. In bytes. */
const HEAD = 64 << 10;

/** The names of a table file's columns, by its first line or, of a Parquet file, its metadata. @throws Error when it cannot be read or is no table */
export async function columnsOf(path: string): Promise<string[]> {
  if (extname(path).toLowerCase() === '.parquet') return parquetColumns(path);
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    const text = buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '');
    const first = text.slice(0, /\r?\n/.exec(text)?.index ?? text.length);
    switch (extname(path).toLowerCase()) {
      case '.jsonl':
      case '.ndjson':
        return Object.keys(JSON.parse(first) as object);
      case '.tsv':
        return first.split('\t');
      case '.csv':
        // STS-B's are parted by tabs.
        return first.split('\t').length > first.split(',').length ? first.split('\t') : (parse(first)[0] ?? []);
      default:
        return [];
    }
  } finally {
    await file.close();
  }
}
