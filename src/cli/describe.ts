import { experimentJsonSchema, objectiveSchemas } from '../experiment/jsonSchema';
import { optionsOf, type ObjectOptions, type Option } from '../experiment/options';
import { objectives } from '../objectives';
import { ObjectiveSummary } from '../shared/types';
import { ExperimentSchema } from '../train/experiment';

/** An objective of the registry in words, its options from its schema. */
export interface DescribedObjective extends ObjectiveSummary {
  readonly options: readonly Option[];
}

export function describedObjectives(): DescribedObjective[] {
  const schemas = objectiveSchemas(experimentJsonSchema(ExperimentSchema));
  return objectives.map((objective) => ({ ...ObjectiveSummary.parse(objective), options: optionsOf(schemas.get(objective.type)!) }));
}

/** What an object of this kind looks like: `{ "from": "pairs", … }`. */
export const objectCode = ({ constants }: ObjectOptions): string =>
  `{ ${[...Object.entries(constants).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`), '…'].join(', ')} }`;
