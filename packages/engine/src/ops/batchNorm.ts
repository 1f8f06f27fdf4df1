// Batch normalisation: by the mean and variance of each channel over all samples.
import { checkOptions } from '../argumentChecks.ts';
import { overGradient, record } from '../autograd.ts';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import type { ChannelLayout } from '../backend/layerKernels.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { setInverse, setProducts, setSlopes } from './channelNumbers.ts';

interface Normalization {
  readonly name: string;
  readonly layout: ChannelLayout;
  /** Writes mean and (biased) variance of each channel as they are now. */
  readonly setMoments: (mean: FloatArray, variance: FloatArray) => void;
  /** The moments are those of x itself, so the gradient flows through them too. */
  readonly isOwn: boolean;
  readonly eps: number;
}

/** (x − mean) / √(variance + eps) · weight + bias, with one weight and bias a channel. */
function normalize(x: Tensor, weight: Tensor | null, bias: Tensor | null, parts: Normalization): Tensor {
  const { name, layout, setMoments, isOwn, eps } = parts;
  const { outer, channels, inner } = layout;
  const inverse = new Float64Array(channels);
  let mean: FloatArray;
  let scale: FloatArray;

  const inputs = [x, weight, bias].filter((operand) => operand !== null);
  return record({
    name,
    forward: () => {
      mean = backend().allocate(channels);
      const variance = backend().allocate(channels);
      setMoments(mean, variance);
      const y = backend().allocate(x.size);
      scale = backend().allocate(channels);
      const shift = backend().allocate(channels);
      setInverse(inverse, variance, eps);
      if (weight === null) scale.set(inverse);
      else setProducts(scale, inverse, weight.values);
      if (bias === null) backend().fill(shift, 0);
      else shift.set(bias.values);
      backend().channelScale(x.values, mean, scale, shift, y, layout);
      return y;
    },
    shape: x.shape,
    inputs,
    saved: weight === null ? [x] : [x, weight],
    backward: (g, needed, grads) => {
      const sums = backend().allocate(channels);
      const products = backend().allocate(channels);
      backend().channelProducts(g, x.values, mean, sums, products, layout);
      if (needed[0]) {
        // With x̂ the normalised x and n its numbers a channel: scale · (g − Σg/n − x̂ · Σ(g·x̂)/n); for moments that are
        // given only the first term.
        const n = outer * inner;
        const ofX = backend().allocate(channels);
        const offset = backend().allocate(channels);
        if (isOwn) setSlopes(ofX, offset, scale, inverse, products, sums, n);
        else {
          backend().fill(ofX, 0);
          backend().fill(offset, 0);
        }
        const dx = overGradient(g);
        backend().channelCombine(g, x.values, mean, scale, ofX, offset, dx, layout);
        grads[0] = dx;
      }
      if (weight !== null) {
        const dw = backend().allocate(channels);
        setProducts(dw, inverse, products);
        grads[1] = dw;
      }
      if (bias !== null) grads[inputs.length - 1] = sums;
      return grads;
    },
  });
}

/** Statistics that batch norm keeps for evaluation; [channels] each. It changes them in place while training. */
export interface RunningStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
  /** Batches that they are of, a scalar of int32; counted while training where it is given. */
  readonly batches?: Tensor;
}

export interface BatchNormOptions {
  /** Normalise by the batch's statistics and update the running ones; else by the running ones. Default false. */
  readonly training?: boolean;
  /** Share of the batch in the running statistics; null: they are the mean over all batches that are counted. Default 0.1. */
  readonly momentum?: number | null;
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
}

/**
 * Normalises each channel over batch and positions (Ioffe and Szegedy 2015; torch.nn.functional.batch_norm).
 * @param x [N, C, …]; @param weight, @param bias [C] each, or null.
 * @param running null: the batch's statistics are used in evaluation too.
 * @throws ShapeError when sizes do not fit, ArgumentError when training on a single value per channel, which has no variance.
 */
export function batchNorm(
  x: Tensor,
  running: RunningStatistics | null,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: BatchNormOptions = {},
): Tensor {
  checkOptions('batchNorm', options, ['training', 'momentum', 'eps']);
  const { training = false, momentum = 0.1, eps = 1e-5 } = options;
  if (x.rank < 2) throw new ShapeError(`batchNorm needs an input [batch, channels, …], got ${formatShape(x.shape)}`);
  const [outer, channels] = x.shape;
  for (const operand of [weight, bias, running?.mean, running?.variance]) {
    if (operand && operand.size !== channels) {
      throw new ShapeError(`batchNorm of ${channels} channels takes one number for each, got ${formatShape(operand.shape)}`);
    }
  }
  const layout = { outer, channels, inner: sizeOf(x.shape.slice(2)) };
  const isOwn = training || running === null;
  const count = layout.outer * layout.inner;
  if (training && count === 1) {
    throw new ArgumentError(
      `batchNorm cannot train on a batch ${formatShape(x.shape)}, which has a single value per channel: use a larger batch, or dropLast`,
    );
  }
  const setMoments = (mean: FloatArray, variance: FloatArray): void => {
    if (!training && running !== null) {
      backend().copy(running.mean.values, mean);
      backend().copy(running.variance.values, variance);
      return;
    }
    backend().channelMoments(x.values, mean, variance, layout);
    if (training && running !== null) {
      const share = momentum ?? 1 / ((running.batches?.item() ?? 0) + 1);
      follow(running.mean, mean, share, 1);
      follow(running.variance, variance, share, count / (count - 1));
      if (running.batches !== undefined) running.batches.storage[0] += 1;
    }
  };
  return normalize(x, weight, bias, { name: 'NativeBatchNorm', layout, setMoments, isOwn, eps });
}

function follow(statistic: Tensor, batch: FloatArray, momentum: number, factor: number): void {
  const { values } = statistic;
  for (let c = 0; c < batch.length; c++) values[c] = (1 - momentum) * values[c] + momentum * factor * batch[c];
  statistic.version.count += 1;
}
