// Blurs training images with a Gaussian kernel of random width (torchvision.transforms.GaussianBlur). The edges are mirrored. Evaluation
// blurs no image.
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { exp } from '../../math.ts';
import { sizeOf } from '../../shape.ts';
import { defineTransform, imageSize } from './define.ts';
import { between, pythonBetween, type Range, rangeSchema } from './ranges.ts';
import { pairOf } from './sides.ts';
import { paddedAxis } from './window.ts';

const MOST = 1000;

const taps = z
  .int()
  .min(1)
  .max(255)
  .refine((size) => size % 2 === 1, 'must be an odd number');

const rangeOf = (sigma: number | Range): Range => (typeof sigma === 'number' ? [sigma, sigma] : sigma);

/** Returns the weights of a Gaussian with a sum of 1, in float32. */
function gaussian(size: number, sigma: number): Float32Array {
  const values = Float64Array.from({ length: size }, (_, i) => exp(-(((i - (size - 1) / 2) / sigma) ** 2) / 2));
  const sum = values.reduce((total, value) => total + value, 0);
  return Float32Array.from(values, (value) => value / sum);
}

/** One channel of an image, and the memory for blurring it. */
interface Plane {
  readonly height: number;
  readonly width: number;
  /** The rows of the plane with the mirrored rows around it: the index of each row. */
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  /** A row with the mirrored values around it. */
  readonly line: Float32Array;
  /** The plane, blurred along its rows. */
  readonly blurred: Float32Array;
  readonly sums: Float64Array;
}

function blurAlongRows({ height, width, columns, line, blurred }: Plane, kernel: Float32Array, from: Float32Array, fromAt: number): void {
  for (let row = 0; row < height; row++) {
    const begin = fromAt + row * width;
    for (let i = 0; i < columns.length; i++) line[i] = from[begin + columns[i]];
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let tap = 0; tap < kernel.length; tap++) sum += line[column + tap] * kernel[tap];
      blurred[row * width + column] = sum;
    }
  }
}

function blurAlongColumns({ height, width, rows, blurred, sums }: Plane, kernel: Float32Array, out: Float32Array, outAt: number): void {
  for (let row = 0; row < height; row++) {
    sums.fill(0);
    for (let tap = 0; tap < kernel.length; tap++) {
      const weight = kernel[tap];
      const line = rows[row + tap] * width;
      for (let column = 0; column < width; column++) sums[column] += blurred[line + column] * weight;
    }
    out.set(sums, outAt + row * width);
  }
}

const pythonBlur = `def gaussian_blur(image, size, sigma):
    kernels = []
    for taps in size:
        places = torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2
        kernel = torch.exp(-((places / sigma) ** 2) / 2)
        kernels.append((kernel / kernel.sum()).float())
    across, down = kernels
    sides = (size[0] // 2, size[0] // 2, size[1] // 2, size[1] // 2)
    planes = nn.functional.conv2d(nn.functional.pad(image[:, None], sides, mode="reflect"), across[None, None, None])
    return nn.functional.conv2d(planes, down[None, None, :, None])[:, 0]`;

export const gaussianBlur = defineTransform({
  type: 'gaussianBlur',
  description: 'Blurs each training image with a Gaussian kernel of random width. Evaluation blurs no image',
  random: true,
  options: {
    kernelSize: z.union([taps, z.tuple([taps, taps])]).describe('The size of the kernel in pixels, odd: one number, or [width, height]'),
    sigma: z
      .union([z.number().gt(0).max(MOST), rangeSchema(0.001, MOST)])
      .default([0.1, 2])
      .describe('The standard deviation of the kernel in pixels, or the range [least, most] of it'),
  },
  outputShape({ kernelSize }, input) {
    const [channels, height, width] = imageSize(input);
    const [across, down] = pairOf(kernelSize);
    if (across >= 2 * width || down >= 2 * height) {
      throw new ShapeError(
        `a kernel of [${across}, ${down}] mirrors more than a ${height}×${width} image has: use at most [${2 * width - 1}, ${2 * height - 1}]`,
        'kernelSize',
      );
    }
    return [channels, height, width];
  },
  pytorch({ kernelSize, sigma }) {
    const size = `(${pairOf(kernelSize).join(', ')})`;
    const blurred = `gaussian_blur(image, ${size}, ${pythonBetween(rangeOf(sigma), 'row[0]')})`;
    return {
      functions: [pythonBlur],
      lines: ['if draws is not None:', `    images = torch.stack([${blurred} for image, row in zip(images, draws.tolist())])`],
    };
  },
  build({ kernelSize, sigma }, input) {
    const [channels, height, width] = imageSize(input);
    const [across, down] = pairOf(kernelSize);
    const range = rangeOf(sigma);
    const columns = paddedAxis(width, (across - 1) / 2, (across - 1) / 2, 'reflect');
    const plane: Plane = {
      height,
      width,
      rows: paddedAxis(height, (down - 1) / 2, (down - 1) / 2, 'reflect'),
      columns,
      line: new Float32Array(columns.length),
      blurred: new Float32Array(height * width),
      sums: new Float64Array(width),
    };
    const length = sizeOf(input);
    return (from, fromAt, out, outAt, draws) => {
      if (draws === null) {
        out.set(from.subarray(fromAt, fromAt + length), outAt);
        return;
      }
      const drawn = between(range, draws.uniform());
      const kernels = [gaussian(across, drawn), gaussian(down, drawn)];
      for (let channel = 0, at = 0; channel < channels; channel++, at += height * width) {
        blurAlongRows(plane, kernels[0], from, fromAt + at);
        blurAlongColumns(plane, kernels[1], out, outAt + at);
      }
    };
  },
});
