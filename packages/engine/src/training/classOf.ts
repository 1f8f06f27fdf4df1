// Which class a sample's outputs name: the one definition for evaluation, predictions and scripts.

/**
 * @param outputs of many samples, row-major
 * @param start of this sample's
 * @param classes how many outputs a sample has
 * @returns the index of the largest output, of equal ones the first; null where one of them is not finite, for NaN and infinity
 *   compare in ways that say nothing about a class
 */
export function classOf(outputs: ArrayLike<number>, start: number, classes: number): number | null {
  let best = 0;
  for (let i = 0; i < classes; i++) {
    if (!Number.isFinite(outputs[start + i])) return null;
    if (outputs[start + i] > outputs[start + best]) best = i;
  }
  return best;
}
