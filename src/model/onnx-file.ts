import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { importModel, type ImportedModel, type ImportOptions } from '../onnx/import';
import { UserError } from '../shared/errors';

/**
 * Reads a `*.onnx` file, and the files beside it in which it keeps its large tensors.
 *
 * @throws UserError (code `onnx`) that names the file and what is wrong with it
 */
export function readOnnxFile(path: string, shapes: ImportOptions['shapes'] = {}): ImportedModel {
  const read = (file: string): Uint8Array => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw new UserError(`${file} cannot be read.`, 'Check the path.', 'onnx', { cause: error });
    }
  };
  try {
    return importModel(read(path), {
      shapes,
      external: (location) => {
        if (location !== basename(location))
          throw new UserError(`It keeps tensors in "${location}".`, 'Only files in its own folder are read.', 'onnx');
        return read(join(dirname(path), location));
      },
    });
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${path}: ${error.message}`, error.hint, error.code, { cause: error });
    throw error;
  }
}
