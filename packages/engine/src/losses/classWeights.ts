// Class weights that follow from the data: `"weight": "balanced"` of a loss for classes. Every class then counts the same in the sum of the
// losses, however many samples it has.
import type { Dataset } from '../data/dataset.ts';
import { ArgumentError } from '../errors.ts';
import type { LossSpec } from './index.ts';

/**
 * Returns N / (C · n) for each class, where N is the number of samples, C the number of classes and n the number of samples of the class. A
 * class without samples gets 0.
 * @param data the training part
 * @throws ArgumentError if its targets are not classes
 */
export function balancedWeights({ length, target, targets }: Dataset): number[] {
  if (target.kind !== 'class') throw new ArgumentError('balancedWeights: the targets must be classes, got values');
  const counts = new Array<number>(target.classes.length).fill(0);
  for (let sample = 0; sample < length; sample++) counts[targets[sample]] += 1;
  return counts.map((count) => (count === 0 ? 0 : length / (counts.length * count)));
}

/** Returns whether the class weights of a loss follow from the data. */
export const isBalanced = (loss: LossSpec): boolean => 'weight' in loss && loss.weight === 'balanced';

/** Returns the loss with the class weights of this training part, if they follow from the data. Otherwise returns it unchanged. */
export function withClassWeights(loss: LossSpec, train: Dataset): LossSpec {
  return 'weight' in loss && loss.weight === 'balanced' ? { ...loss, weight: balancedWeights(train) } : loss;
}
