// Dropout (Srivastava et al. 2014). It uses the draws of torch.rand, so PyTorch gives the same result for the same seed.
import { checkNumber } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError } from '../errors.ts';
import { defaultGenerator, type Generator } from '../random.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Sets each element to 0 with probability p, and divides the remaining elements by 1 − p: x · (rand(x.shape) ≥ p) / (1 − p). As in PyTorch,
 * nothing is drawn if p is 0 or 1.
 * @param generator default: the generator that manualSeed seeds
 * @throws ArgumentError if p is not between 0 and 1
 */
export function dropout(x: Tensor, p = 0.5, generator: Generator = defaultGenerator()): Tensor {
  checkNumber('dropout', p);
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(`dropout: p must be a probability from 0 to 1, got ${p}`);
  if (p === 0) return x;
  const { shape, size } = x;
  let factors: FloatArray;
  return record({
    name: 'Dropout',
    forward: () => {
      factors = draw(size, p, generator);
      const y = backend().allocate(size);
      backend().binary('mul', x.values, shape, factors, shape, y, shape);
      return y;
    },
    shape,
    inputs: [x],
    backward: (g, _needed, grads, pass) => {
      const dx = pass.overGradient(g);
      backend().binary('mul', g, shape, factors, shape, dx, shape);
      grads[0] = dx;
      return grads;
    },
  });
}

/** Draws the factor of each element. */
function draw(size: number, p: number, generator: Generator): FloatArray {
  const factors = backend().allocate(size);
  if (p === 1) backend().fill(factors, 0);
  else {
    generator.uniform_(factors);
    const kept = 1 / (1 - p);
    for (let i = 0; i < size; i++) factors[i] = factors[i] >= p ? kept : 0;
  }
  return factors;
}
