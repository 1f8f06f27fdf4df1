// Finds the predicted class of a sample, for evaluations, predictions and scripts.

/**
 * @param outputs the outputs of many samples, row-major
 * @param start the index of this sample's first output
 * @param classes the number of outputs of a sample
 * @returns the index of the largest output (the first one if several are equal), or null if an output is not finite
 */
export function classOf(outputs: ArrayLike<number>, start: number, classes: number): number | null {
  let best = 0;
  for (let i = 0; i < classes; i++) {
    if (!Number.isFinite(outputs[start + i])) return null;
    if (outputs[start + i] > outputs[start + best]) best = i;
  }
  return best;
}
