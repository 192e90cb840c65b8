import type { Preset } from '../../experiment/model';
import { compileStep } from '../../train/step';
import { BenchmarkModel, OPTIMISER } from '../workload';
import { Precision } from '../../shared/types';
import type { Card } from './cards';
import { intensityOf, rooflineSeconds, workOf, type Intensity } from './intensity';

export interface GraphRow extends Intensity {
  readonly preset: Preset;
  readonly precision: Precision;
  /** Held against this one. */
  readonly card: string;
  /** Sequences of a step. */
  readonly batch: number;
  readonly formulaFlops: number;
  /** What the card does a byte of its memory when it is busy with both: where a product of less waits for memory. */
  readonly ridge: number;
  /** See {@link rooflineSeconds}. */
  readonly rooflineSeconds: number;
  /** The MFU if a step took no longer than that: no time to start kernels, and none fused. */
  readonly rooflineMfu: number;
}

/** What the steps of a model ask of a card, by their graphs alone. A precision that the card has no unit for has no row. */
export function* graphRows(preset: Preset, batch: number, card: Card): Generator<GraphRow> {
  for (const precision of Precision.options) {
    const peak = card[precision];
    if (peak === undefined) continue;
    const model = new BenchmarkModel({ preset, objectives: ['mlm'], dropout: 0, batch });
    const work = workOf(compileStep({ ...model.losses, ...OPTIMISER }, 'anywhere', precision));
    const seconds = rooflineSeconds(work, peak, card.memory);
    const { formulaFlops } = model;
    yield {
      preset,
      precision,
      card: card.name,
      batch,
      ...intensityOf(work),
      formulaFlops,
      ridge: (peak * 1e12) / (card.memory * 1e9),
      rooflineSeconds: seconds,
      rooflineMfu: formulaFlops / (seconds * peak * 1e12),
    };
  }
}
