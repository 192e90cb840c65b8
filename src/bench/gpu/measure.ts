import type { Preset } from '../../experiment/model';
import type { Card } from './cards';
import { graphRows } from './graphs';
import { measureParity, type ParitySpec } from './parity';
import { timeSteps, type StepsSpec } from './steps';
import { measureTwin, type TwinSpec } from './pytorch';

/** What a process of its own measures. */
export type Measurement =
  | { readonly kind: 'graph'; readonly preset: Preset; readonly batch: number; readonly card: Card }
  | ({ readonly kind: 'parity' } & ParitySpec)
  | ({ readonly kind: 'steps' } & StepsSpec)
  | ({ readonly kind: 'twin' } & TwinSpec);

/** Measures it here; results are given one after another, as soon as they are there. */
export async function* measure(what: Measurement): AsyncGenerator {
  switch (what.kind) {
    case 'graph':
      yield* graphRows(what.preset, what.batch, what.card);
      break;
    case 'parity':
      yield await measureParity(what);
      break;
    case 'steps':
      yield* timeSteps(what);
      break;
    case 'twin':
      yield measureTwin(what);
  }
}
