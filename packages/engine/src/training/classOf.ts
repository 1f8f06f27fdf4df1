// The predicted class of a sample, for evaluation, predictions and scripts.

/**
 * @param outputs of many samples, row-major
 * @param start of this sample's
 * @param classes how many outputs a sample has
 * @returns the index of the largest output, or the first of equal ones; null if an output is not finite
 */
export function classOf(outputs: ArrayLike<number>, start: number, classes: number): number | null {
  let best = 0;
  for (let i = 0; i < classes; i++) {
    if (!Number.isFinite(outputs[start + i])) return null;
    if (outputs[start + i] > outputs[start + best]) best = i;
  }
  return best;
}
