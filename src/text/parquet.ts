import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type FileMetaData } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/** The names of a Parquet file's columns. @throws Error for a file that is none */
export async function parquetColumns(path: string): Promise<string[]> {
  return columnsIn(await parquetMetadataAsync(await asyncBufferFromFile(path)));
}

/** Of nested columns the outermost names. */
const columnsIn = ({ row_groups: [first] }: FileMetaData): string[] => [
  ...new Set(first?.columns.flatMap((column) => column.meta_data?.path_in_schema[0] ?? [])),
];

/**
 * The rows of a Parquet file, a row group after another, with the wanted columns that it has; of a file without any of them, with all.
 *
 * @throws Error for a file that is none
 */
export async function* parquetRows(path: string, columns: readonly string[]): AsyncGenerator<Record<string, unknown>> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const known = columnsIn(metadata);
  const read = columns.filter((column) => known.includes(column));
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    // Without the columns, a message can say which there are.
    const some = read.length === columns.length ? { columns: read } : {};
    yield* await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd, ...some });
    rowStart = rowEnd;
  }
}
