import { meanOf, type Statistic } from '../statistics';

/** Share of the examples whose class was told. */
export const accuracyOf = (truth: readonly number[], told: readonly number[]): Statistic =>
  meanOf(truth.map((label, i) => (label === told[i] ? 1 : 0)));

/** The mean of the classes' F1, each class counting alike: of those that are there or were told, as scikit-learn takes them. A class without a hit has 0. */
export function macroF1Of(truth: readonly number[], told: readonly number[]): Statistic {
  const classes = 1 + [...truth, ...told].reduce((a, b) => Math.max(a, b), 0);
  return (indices) => {
    const [hits, both] = [new Float64Array(classes), new Float64Array(classes)];
    for (const i of indices) {
      const [label, answer] = [truth[i]!, told[i]!];
      both[label]!++;
      both[answer]!++;
      if (label === answer) hits[label]!++;
    }
    let [sum, present] = [0, 0];
    for (let each = 0; each < classes; each++) {
      if (both[each] === 0) continue;
      // 2·TP / (2·TP + FP + FN), and the examples of a class and those told to be of it are TP + FN and TP + FP.
      sum += (2 * hits[each]!) / both[each]!;
      present++;
    }
    return sum / present;
  };
}
