// Batch normalisation: normalises each channel with the mean and variance of the channel over all samples.
import { checkOptions } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
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
  /** Writes the mean and the variance with which each channel is normalised into the arrays. */
  readonly setMoments: (mean: FloatArray, variance: FloatArray) => void;
  /** Whether `setMoments` computes mean and variance from x. If so, the gradient of x also flows through them. */
  readonly isOwn: boolean;
  readonly eps: number;
}

/** Computes (x − mean) / √(variance + eps) · weight + bias. Each channel has its own weight and bias. */
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
    backward: (g, needed, grads, pass) => {
      const sums = backend().allocate(channels);
      const products = backend().allocate(channels);
      // The gradient of x needs the sums only if mean and variance are computed from x.
      const isSummed = isOwn || needed.lastIndexOf(true) > 0;
      if (isSummed) backend().channelProducts(g, x.values, mean, sums, products, layout);
      if (needed[0]) {
        // The gradient is scale · (g − Σg/n − x̂ · Σ(g·x̂)/n), where x̂ is the normalised x, scale is weight / √(variance + eps), and n is
        // the number of values of a channel. If mean and variance are not computed from x, it is only scale · g.
        const n = outer * inner;
        const ofX = backend().allocate(channels);
        const offset = backend().allocate(channels);
        if (isOwn) setSlopes(ofX, offset, scale, inverse, products, sums, n);
        else {
          backend().fill(ofX, 0);
          backend().fill(offset, 0);
        }
        const dx = pass.overGradient(g);
        backend().channelCombine(g, x.values, mean, scale, ofX, offset, dx, layout);
        grads[0] = dx;
      }
      if (weight !== null && needed[1]) {
        const dw = backend().allocate(channels);
        setProducts(dw, inverse, products);
        grads[1] = dw;
      }
      if (bias !== null && needed[inputs.length - 1]) grads[inputs.length - 1] = sums;
      return grads;
    },
  });
}

/** The statistics that batch norm uses in evaluation, one number for each channel. Training changes them in place. */
export interface RunningStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
  /** The number of batches that the statistics were computed from, an int32 scalar. If given, training adds 1 for each batch. */
  readonly batches?: Tensor;
}

export interface BatchNormOptions {
  /**
   * If true, x is normalised with the statistics of the batch, and the running statistics are updated. If false, x is normalised with the
   * running statistics. Default: false.
   */
  readonly training?: boolean;
  /**
   * The weight of the batch in the running statistics. null: the running statistics are the mean over all counted batches. Default: 0.1.
   */
  readonly momentum?: number | null;
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
}

/**
 * Normalises each channel over batch and positions (Ioffe and Szegedy 2015; torch.nn.functional.batch_norm).
 * @param x of shape [N, C, …]
 * @param running the running statistics; null: x is always normalised with the statistics of the batch
 * @param weight of shape [C], or null
 * @param bias of shape [C], or null
 * @throws ShapeError if x has fewer than 2 dimensions, or another operand does not have one number for each channel
 * @throws ArgumentError if a training batch has only one value for each channel, because one value has no variance
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

/** Moves a running statistic towards that of a batch, times `factor`. @param momentum the weight of the batch */
export function follow(statistic: Tensor, batch: FloatArray, momentum: number, factor: number): void {
  const { values } = statistic;
  for (let c = 0; c < batch.length; c++) values[c] = (1 - momentum) * values[c] + momentum * factor * batch[c];
  statistic.version.count += 1;
}
