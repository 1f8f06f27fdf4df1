// Mean squared error (torch.nn.MSELoss): for targets that are values.
import { changed, construct } from '../construction.ts';
import { record } from '../autograd.ts';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ShapeError } from '../errors.ts';
import { formatShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import {
  checkLoss,
  checkReduction,
  checkValueTarget,
  defineLoss,
  LossModule,
  type Reduction,
  scalarReduction,
  shapeRemedy,
} from './define.ts';
import { checkValues } from './targets.ts';

export interface MseLossOptions {
  /** Default: 'mean', over all elements and not over samples. */
  readonly reduction?: Reduction;
}

/**
 * Computes (input − target)² for each element, and reduces the results (torch.nn.functional.mse_loss). The shapes must be the same.
 * PyTorch broadcasts with a warning, but this is nearly always a mistake.
 * @throws ShapeError if the shapes differ
 */
export function mseLoss(input: Tensor, target: Tensor, options: MseLossOptions = {}): Tensor {
  checkLoss('mseLoss', input, target, options, ['reduction']);
  const { reduction = 'mean' } = options;
  checkReduction('mseLoss', reduction);
  checkValueTarget('mseLoss', target);
  const { shape, size } = input;
  if (!sameShape(shape, target.shape)) {
    throw new ShapeError(
      `mseLoss: the input ${formatShape(shape)} and the target ${formatShape(target.shape)} must have the same shape: ${shapeRemedy(input, target)}`,
    );
  }
  let difference: FloatArray;
  const forward = (): FloatArray => {
    difference = backend().allocate(size);
    backend().binary('sub', input.values, shape, target.values, shape, difference, shape);
    const loss = backend().allocate(reduction === 'none' ? size : 1);
    if (reduction === 'none') backend().unary('square', difference, loss);
    else backend().fill(loss, backend().sumOfSquares(difference) / (reduction === 'mean' ? size : 1));
    return loss;
  };
  const slope = (g: FloatArray, sign: 1 | -1): FloatArray => {
    const out = backend().allocate(size);
    if (reduction === 'none') {
      backend().binary('mul', difference, shape, g, shape, out, shape);
      backend().binaryScalar('mul', out, 2 * sign, out);
    } else {
      backend().binaryScalar('mul', difference, (2 * sign * g[0]) / (reduction === 'mean' ? size : 1), out);
    }
    return out;
  };
  return record({
    name: 'MseLoss',
    forward,
    shape: reduction === 'none' ? shape : [],
    inputs: [input, target],
    backward: (g, needed, grads) => {
      if (needed[0]) grads[0] = slope(g, 1);
      if (needed[1]) grads[1] = slope(g, -1);
      return grads;
    },
  });
}

/** A module that computes {@link mseLoss}. */
export class MSELoss extends LossModule<MseLossOptions> {
  override forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, this.options);
  }
}

const options = { reduction: scalarReduction };

export const mse = defineLoss({
  type: 'mse',
  description: 'Mean squared error: for targets that are values',
  options,
  check: (compared) => checkValues('mse', compared),
  build: (options) => (output, target) => mseLoss(output, target, options),
  pytorch: (given) => construct('nn.MSELoss', [], changed(options, given)),
});
