// Layer, group and instance normalisation. Each row of a sample is normalised with its own mean and variance. A row is all that is normalised
// together. The result is multiplied by a weight and added to a bias: one for each element (layer norm) or for each channel (group and
// instance norm).
import { checkOptions } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { batchNorm, follow, type RunningStatistics } from './batchNorm.ts';
import { setInverse, setSlopes } from './channelNumbers.ts';

interface Affine {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  /** The shape in which weight and bias broadcast to the input. */
  readonly shape: Shape;
}

/** Gets the mean and the variance of each row in each forward pass. */
type OnMoments = (mean: FloatArray, variance: FloatArray) => void;

/**
 * Normalises each row of x, then multiplies by the weight and adds the bias. Only x is kept for the gradients: the normalised rows are
 * computed again in the backward pass.
 */
function normalizeRows(
  name: string,
  x: Tensor,
  rowSize: number,
  eps: number,
  { weight, bias, shape: factor }: Affine,
  onMoments: OnMoments | null = null,
): Tensor {
  const { shape, size } = x;
  const channels = size / rowSize;
  const layout = { outer: 1, channels, inner: rowSize };
  const inverse = new Float64Array(channels);
  let mean: FloatArray;
  let scale: FloatArray;
  let zeros: FloatArray;
  const normalized = (out: FloatArray): void => backend().channelScale(x.values, mean, scale, zeros, out, layout);

  const inputs = [x, weight, bias].filter((operand) => operand !== null);
  return record({
    name,
    forward: () => {
      mean = backend().allocate(channels);
      const variance = backend().allocate(channels);
      backend().channelMoments(x.values, mean, variance, layout);
      onMoments?.(mean, variance);
      setInverse(inverse, variance, eps);
      const y = backend().allocate(size);
      scale = backend().allocate(channels);
      zeros = backend().allocate(channels);
      scale.set(inverse);
      backend().fill(zeros, 0);
      normalized(y);
      if (weight !== null) backend().binary('mul', y, shape, weight.values, factor, y, shape);
      if (bias !== null) backend().binary('add', y, shape, bias.values, factor, y, shape);
      return y;
    },
    shape,
    inputs,
    saved: weight === null ? [x] : [x, weight],
    backward: (g, needed, grads, pass) => {
      if (weight !== null && needed[1]) {
        const products = backend().allocate(size);
        normalized(products);
        backend().binary('mul', products, shape, g, shape, products, shape);
        const dw = pass.gradientStorage(1, weight.size);
        backend().sumTo(products, shape, dw, factor);
        grads[1] = dw;
      }
      const atBias = inputs.length - 1;
      if (bias !== null && needed[atBias]) {
        const db = pass.gradientStorage(atBias, bias.size);
        backend().sumTo(g, shape, db, factor);
        grads[atBias] = db;
      }
      if (needed[0]) {
        const dx = pass.overGradient(g);
        if (weight !== null) backend().binary('mul', g, shape, weight.values, factor, dx, shape);
        const ofNormalized = weight === null ? g : dx;
        const [sums, products] = [backend().allocate(channels), backend().allocate(channels)];
        backend().channelProducts(ofNormalized, x.values, mean, sums, products, layout);
        const [ofX, offset] = [backend().allocate(channels), backend().allocate(channels)];
        setSlopes(ofX, offset, scale, inverse, products, sums, rowSize);
        backend().channelCombine(ofNormalized, x.values, mean, scale, ofX, offset, dx, layout);
        grads[0] = dx;
      }
      return grads;
    },
  });
}

/**
 * Normalises each sample over its last dimensions (Ba et al. 2016; torch.nn.functional.layer_norm).
 * @param normalizedShape the sizes of these dimensions, and the shape of weight and bias
 * @throws ShapeError if x does not end with these dimensions, or if weight or bias has another shape
 */
export function layerNorm(x: Tensor, normalizedShape: Shape, weight: Tensor | null = null, bias: Tensor | null = null, eps = 1e-5): Tensor {
  const trailing = x.shape.slice(x.rank - normalizedShape.length);
  if (normalizedShape.length === 0 || !sameShape(trailing, normalizedShape)) {
    throw new ShapeError(`layerNorm over ${formatShape(normalizedShape)} does not fit an input ${formatShape(x.shape)}`);
  }
  for (const operand of [weight, bias]) {
    if (operand !== null && !sameShape(operand.shape, normalizedShape)) {
      throw new ShapeError(
        `layerNorm: weight and bias must have the shape ${formatShape(normalizedShape)}, got ${formatShape(operand.shape)}`,
      );
    }
  }
  return normalizeRows('NativeLayerNorm', x, sizeOf(normalizedShape), eps, { weight, bias, shape: normalizedShape });
}

/**
 * Normalises each sample's channels in groups (Wu and He 2018; torch.nn.functional.group_norm).
 * @param x [N, C, …]
 * @param weight [C], or null
 * @param bias [C], or null
 * @throws ShapeError if the groups do not divide the channels, or if weight or bias does not have one number for each channel
 */
export function groupNorm(x: Tensor, numGroups: number, weight: Tensor | null = null, bias: Tensor | null = null, eps = 1e-5): Tensor {
  const channels = x.shape[1];
  if (channels === undefined || !Number.isInteger(numGroups) || numGroups < 1 || channels % numGroups !== 0) {
    throw new ShapeError(`groupNorm: ${numGroups} groups do not divide the channels of the input ${formatShape(x.shape)}`);
  }
  for (const operand of [weight, bias]) {
    if (operand !== null && operand.size !== channels) {
      throw new ShapeError(`groupNorm of ${channels} channels takes one number for each, got ${formatShape(operand.shape)}`);
    }
  }
  const rowSize = (channels / numGroups) * sizeOf(x.shape.slice(2));
  const shape = [channels, ...new Array<number>(x.rank - 2).fill(1)];
  return normalizeRows('NativeGroupNorm', x, rowSize, eps, { weight, bias, shape });
}

export interface InstanceNormOptions {
  /**
   * If true, x is normalised with its own statistics, and the running statistics are updated. If false, x is normalised with the running
   * statistics. Default: false.
   */
  readonly training?: boolean;
  /** The weight of the batch in the running statistics. Default: 0.1. */
  readonly momentum?: number;
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
}

/**
 * Normalises each channel of each sample over its positions (Ulyanov et al. 2016; torch.nn.functional.instance_norm).
 * @param x of shape [N, C, …]
 * @param running the running statistics; null: x is always normalised with its own statistics. As in PyTorch, batches are not counted.
 * @param weight of shape [C], or null
 * @param bias of shape [C], or null
 * @throws ShapeError if x has fewer than 3 dimensions, or another operand does not have one number for each channel
 * @throws ArgumentError if x is normalised with its own statistics and has one position, because one value has no variance
 */
export function instanceNorm(
  x: Tensor,
  running: RunningStatistics | null = null,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: InstanceNormOptions = {},
): Tensor {
  checkOptions('instanceNorm', options, ['training', 'momentum', 'eps']);
  const { training = false, momentum = 0.1, eps = 1e-5 } = options;
  if (x.rank < 3) throw new ShapeError(`instanceNorm needs an input [batch, channels, …, positions], got ${formatShape(x.shape)}`);
  const [samples, channels] = x.shape;
  for (const operand of [weight, bias, running?.mean, running?.variance]) {
    if (operand && operand.size !== channels) {
      throw new ShapeError(`instanceNorm of ${channels} channels takes one number for each, got ${formatShape(operand.shape)}`);
    }
  }
  if (running !== null && !training) return batchNorm(x, running, weight, bias, { eps });
  const positions = sizeOf(x.shape.slice(2));
  if (positions === 1) {
    throw new ArgumentError(
      `instanceNorm cannot normalise ${formatShape(x.shape)}, which has one position: use larger images, or batchNorm`,
    );
  }
  const onMoments: OnMoments | null =
    running &&
    ((mean, variance) => {
      follow(running.mean, meanOfSamples(mean, samples, channels), momentum, 1);
      follow(running.variance, meanOfSamples(variance, samples, channels), momentum, positions / (positions - 1));
    });
  const shape = [channels, ...new Array<number>(x.rank - 2).fill(1)];
  return normalizeRows('InstanceNorm', x, positions, eps, { weight, bias, shape }, onMoments);
}

/** Returns the mean over the samples of each channel's number. @param statistic [samples, channels] */
function meanOfSamples(statistic: FloatArray, samples: number, channels: number): FloatArray {
  const means = new Float64Array(channels);
  for (let i = 0; i < statistic.length; i++) means[i % channels] += statistic[i] / samples;
  return means;
}
