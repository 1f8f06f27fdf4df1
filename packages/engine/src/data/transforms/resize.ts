// Scales images to another size (torchvision.transforms.Resize: bilinear, with antialiasing).
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { sizeOf } from '../../shape.ts';
import { defineTransform, imageSize } from './define.ts';
import { onnxResized, pythonResized, Scaler } from './resampling.ts';
import { checkSides, imageSide, pairOf } from './sides.ts';

interface Options {
  readonly size: number | readonly [number, number];
  readonly maxSize?: number | undefined;
}

/**
 * Returns the height and width of an image whose shorter side was scaled to `size`. The longer side is rounded down, as in torchvision.
 */
export function scaledSize(size: number, height: number, width: number): [height: number, width: number] {
  return width <= height ? [Math.floor((size * height) / width), size] : [size, Math.floor((size * width) / height)];
}

function sizeAfter({ size, maxSize }: Options, height: number, width: number): [height: number, width: number] {
  if (typeof size !== 'number') return [...size];
  const scaled = scaledSize(size, height, width);
  if (maxSize === undefined || Math.max(...scaled) <= maxSize) return scaled;
  const shorter = Math.max(1, Math.floor((maxSize * size) / Math.max(...scaled)));
  return width <= height ? [maxSize, shorter] : [shorter, maxSize];
}

export const resize = defineTransform({
  type: 'resize',
  description: 'Scales each image: bilinear, with antialiasing',
  random: false,
  options: {
    size: z
      .union([imageSide, z.tuple([imageSide, imageSide])])
      .describe('The size of the result: one number for the shorter side, or [height, width]'),
    maxSize: imageSide.optional().describe('The largest length of the longer side if `size` is one number'),
  },
  outputShape({ size, maxSize }, input) {
    const [channels, height, width] = imageSize(input);
    if (maxSize !== undefined && typeof size !== 'number') {
      throw new ShapeError('applies only to a size that is one number: remove maxSize', 'maxSize');
    }
    if (maxSize !== undefined && maxSize <= pairOf(size)[0]) {
      throw new ShapeError(`${maxSize} is not above the size ${pairOf(size)[0]} of the shorter side: use a larger maxSize`, 'maxSize');
    }
    const after = sizeAfter({ size, maxSize }, height, width);
    checkSides(after);
    return [channels, ...after];
  },
  pytorch(options, input) {
    const [, height, width] = imageSize(input);
    const size = sizeAfter(options, height, width);
    return { lines: size[0] === height && size[1] === width ? [] : [`images = ${pythonResized(size)}`] };
  },
  onnx(options, input, graph) {
    const [, height, width] = imageSize(input);
    const size = sizeAfter(options, height, width);
    return size[0] === height && size[1] === width ? graph.input : onnxResized(graph, [height, width], size);
  },
  build(options, input) {
    const [channels, height, width] = imageSize(input);
    const size = sizeAfter(options, height, width);
    const length = sizeOf(input);
    if (size[0] === height && size[1] === width)
      return (from, fromAt, out, outAt) => out.set(from.subarray(fromAt, fromAt + length), outAt);
    const scaler = new Scaler([channels, height, width], size);
    const whole = { top: 0, left: 0, height, width };
    return (from, fromAt, out, outAt) => scaler.scale(whole, from, fromAt, out, outAt);
  },
});
