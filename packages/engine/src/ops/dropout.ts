// Dropout (Srivastava et al. 2014). It uses the draws of torch.rand, so PyTorch gives the same result for the same seed.
import { checkNumber } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { defaultGenerator, type Generator } from '../random.ts';
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Sets each element to 0 with probability p, and divides the remaining elements by 1 − p: x · (rand(x.shape) ≥ p) / (1 − p). As in PyTorch,
 * nothing is drawn if p is 0 or 1.
 * @param generator default: the generator that manualSeed seeds
 * @throws ArgumentError if p is not between 0 and 1
 */
export function dropout(x: Tensor, p = 0.5, generator: Generator = defaultGenerator()): Tensor {
  checkProbability('dropout', p);
  return p === 0 ? x : drop('Dropout', x, p, generator, x.shape);
}

/**
 * Sets whole channels to 0 with probability p, and divides the remaining ones by 1 − p (Tompson et al. 2015). Channel c of sample n remains
 * if rand(N, C) is at least p there. Nothing is drawn if p is 0 or 1.
 * @param x of shape [N, C, H, W]
 * @param generator default: the generator that manualSeed seeds
 * @throws ShapeError if x does not have 4 dimensions
 * @throws ArgumentError if p is not between 0 and 1
 */
export function dropout2d(x: Tensor, p = 0.5, generator: Generator = defaultGenerator()): Tensor {
  checkProbability('dropout2d', p);
  if (x.rank !== 4) throw new ShapeError(`dropout2d needs an input [batch, channels, height, width], got ${formatShape(x.shape)}`);
  return p === 0 ? x : drop('FeatureDropout', x, p, generator, [x.shape[0], x.shape[1], 1, 1]);
}

function checkProbability(operation: string, p: number): void {
  checkNumber(operation, p);
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(`${operation}: p must be a probability from 0 to 1, got ${p}`);
}

/** Multiplies x by random factors. @param factorShape the shape of the factors, which broadcasts to the shape of x */
function drop(name: string, x: Tensor, p: number, generator: Generator, factorShape: Shape): Tensor {
  const { shape, size } = x;
  let factors: FloatArray;
  return record({
    name,
    forward: () => {
      factors = draw(sizeOf(factorShape), p, generator);
      const y = backend().allocate(size);
      backend().binary('mul', x.values, shape, factors, factorShape, y, shape);
      return y;
    },
    shape,
    inputs: [x],
    backward: (g, _needed, grads, pass) => {
      const dx = pass.overGradient(g);
      backend().binary('mul', g, shape, factors, factorShape, dx, shape);
      grads[0] = dx;
      return grads;
    },
  });
}

/** Draws the factors: 0 with probability p, otherwise 1 / (1 − p). */
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
