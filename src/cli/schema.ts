import { comparisonJsonSchema, experimentJsonSchema } from '../experiment/jsonSchema';
import { ExperimentSchema } from '../train/experiment';

/** Prints the JSON Schema that the editor completes and checks files of a kind with; the build keeps it in `dist/schemas`. */
export function schemaCommand(kind: 'experiment' | 'comparison'): void {
  const schema = kind === 'experiment' ? experimentJsonSchema(ExperimentSchema) : comparisonJsonSchema();
  process.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
}
