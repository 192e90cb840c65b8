export interface LearningRateOptions {
  readonly steps: number;
  readonly learningRate: number;
  /** Fraction of the steps over which the rate rises from 0. */
  readonly warmup: number;
  readonly schedule: 'linear' | 'cosine' | 'constant';
}

/** Learning rate of a step (from 0): linear warm-up to the peak, then linear or cosine decay to 0, or none. */
export function learningRateAt(step: number, { steps, learningRate, warmup, schedule }: LearningRateOptions): number {
  const rising = Math.round(warmup * steps);
  if (step < rising) return (learningRate * (step + 1)) / rising;
  const progress = (step - rising) / Math.max(1, steps - rising);
  if (schedule === 'linear') return learningRate * (1 - progress);
  if (schedule === 'cosine') return (learningRate * (1 + Math.cos(Math.PI * progress))) / 2;
  return learningRate;
}
