// Computes the norm of all gradients together, and scales gradients down to a norm (torch.nn.utils.clip_grad_norm_, 2-norm).
import { z } from 'zod';
import { backend } from '../backend/current.ts';
import { ArgumentError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { show } from '../validation.ts';

export const gradientClippingSchema = z
  .strictObject({
    maxNorm: z.number().gt(0).describe('The largest Euclidean norm of all gradients together'),
  })
  .describe('Scales the gradients down before each update if their norm is over a limit');

/** The number that PyTorch adds to the norm to prevent a division by 0. */
const EPSILON = 1e-6;

/** Returns the Euclidean norm of all existing gradients as one vector. It is summed in float64. */
export function gradientNorm(parameters: Iterable<Tensor>): number {
  let squares = 0;
  for (const { grad } of parameters) if (grad !== null) squares += backend().sumOfSquares(grad.values);
  return Math.sqrt(squares);
}

/**
 * Multiplies all gradients by min(1, maxNorm / (norm + 1e-6)), in place. As in PyTorch, there is no special
 * case for a norm that is not finite: gradients then become 0 or NaN.
 * @returns the norm before the multiplication
 * @throws ArgumentError unless maxNorm is above 0
 */
export function clipGradientNorm(parameters: readonly Tensor[], maxNorm: number): number {
  if (!(maxNorm > 0)) throw new ArgumentError(`clipGradientNorm: maxNorm must be above 0, got ${show(maxNorm)}`);
  const norm = gradientNorm(parameters);
  const scale = maxNorm / (norm + EPSILON);
  if (scale >= 1) return norm;
  for (const { grad } of parameters) {
    if (grad === null) continue;
    backend().binaryScalar('mul', grad.values, scale, grad.values);
    grad.version.count += 1;
  }
  return norm;
}
