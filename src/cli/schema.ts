import { experimentJsonSchema } from '../experiment/jsonSchema';
import { ExperimentSchema } from '../train/experiment';

/** Prints the JSON Schema that the editor completes and checks experiment files with; the build keeps it in `dist/schemas`. */
export function schemaCommand(): void {
  process.stdout.write(`${JSON.stringify(experimentJsonSchema(ExperimentSchema), null, 2)}\n`);
}
