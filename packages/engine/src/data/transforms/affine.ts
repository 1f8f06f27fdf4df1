// Rotates, moves, scales and shears images at random (torchvision.transforms.RandomAffine: the nearest pixel, the same size). Evaluation
// changes no image.
import { z } from 'zod';
import { sizeOf } from '../../shape.ts';
import {
  type AffineMatrix,
  centreOf,
  centreSchema,
  degreesOf,
  degreesSchema,
  fillSchema,
  inverseMatrix,
  mapNearest,
  pythonAffine,
  pythonCentre,
} from './affineMap.ts';
import { defineTransform, imageSize, numpy } from './define.ts';
import type { Draws } from './draws.ts';
import { between, pythonBetween, type Range, rangeSchema, roundHalfEven } from './ranges.ts';

const share = z.number().min(0).max(1);
const shearAngle = z.number().min(-89).max(89);

const shearSchema = z.union([
  z.number().min(0).max(89),
  rangeSchema(-89, 89),
  z
    .tuple([shearAngle, shearAngle, shearAngle, shearAngle])
    .refine(([a, b, c, d]) => a <= b && c <= d, 'must be [least x, most x, least y, most y] with least <= most'),
]);

interface Options {
  readonly degrees: number | Range;
  readonly translate: readonly [number, number];
  readonly scale: Range;
  readonly shear: z.output<typeof shearSchema>;
  readonly center?: readonly [number, number] | undefined;
}

interface Ranges {
  readonly angle: Range;
  readonly x: Range;
  readonly y: Range;
  readonly scale: Range;
  readonly shearX: Range;
  readonly shearY: Range;
}

function rangesOf({ degrees, translate, scale, shear }: Options, height: number, width: number): Ranges {
  const [farX, farY] = [translate[0] * width, translate[1] * height];
  const [leastX, mostX, leastY = 0, mostY = 0] = typeof shear === 'number' ? [-shear, shear] : shear;
  return { angle: degreesOf(degrees), x: [-farX, farX], y: [-farY, farY], scale, shearX: [leastX, mostX], shearY: [leastY, mostY] };
}

function drawMatrix(draws: Draws, ranges: Ranges, centre: readonly [number, number]): AffineMatrix {
  const angle = between(ranges.angle, draws.uniform());
  const x = roundHalfEven(between(ranges.x, draws.uniform()));
  const y = roundHalfEven(between(ranges.y, draws.uniform()));
  const scale = between(ranges.scale, draws.uniform());
  const shearX = between(ranges.shearX, draws.uniform());
  const shearY = between(ranges.shearY, draws.uniform());
  return inverseMatrix({ angle, translate: [x, y], scale, shear: [shearX, shearY], centre });
}

export const affine = defineTransform({
  type: 'affine',
  description: 'Rotates, moves, scales and shears each training image by random amounts. Evaluation changes no image',
  random: true,
  options: {
    degrees: degreesSchema.describe(
      'The angle of the clockwise rotation: from - this number to this number, or [least, most]. 0: no rotation',
    ),
    translate: z
      .tuple([share, share])
      .default([0, 0])
      .describe('The largest moves to the right and down, as shares of the width and the height. An image is moved by whole pixels'),
    scale: rangeSchema(0.01, 100).default([1, 1]).describe('The range of the scale'),
    shear: shearSchema
      .default(0)
      .describe(
        'The angle of the shear along x in degrees: from - this number to this number, [least, most], or [least x, most x, least y, most y]',
      ),
    center: centreSchema.describe('The centre [x, y] in pixels from the upper left corner. If omitted, the middle of the image'),
    fill: fillSchema.describe('Value of pixels that come from outside the image'),
  },
  outputShape(_, input) {
    return imageSize(input);
  },
  pytorch(options, input) {
    const [, height, width] = imageSize(input);
    const { angle, x, y, scale, shearX, shearY } = rangesOf(options, height, width);
    const moves = `(round(${pythonBetween(x, 'row[1]')}), round(${pythonBetween(y, 'row[2]')}))`;
    const shears = `(${pythonBetween(shearX, 'row[4]')}, ${pythonBetween(shearY, 'row[5]')})`;
    const parameters = [pythonBetween(angle, 'row[0]'), moves, pythonBetween(scale, 'row[3]'), shears];
    return {
      imports: ['math', numpy],
      functions: [pythonAffine],
      draws: 6,
      lines: [
        'if draws is not None:',
        `    maps = [inverse_matrix(${[...parameters, pythonCentre(options.center, height, width)].join(', ')}) for row in draws.tolist()]`,
        `    images = torch.stack([map_nearest(image, matrix, ${options.fill}) for image, matrix in zip(images, maps)])`,
      ],
    };
  },
  build(options, input) {
    const size = imageSize(input);
    const [, height, width] = size;
    const ranges = rangesOf(options, height, width);
    const centre = centreOf(options.center, height, width);
    const length = sizeOf(input);
    return (from, fromAt, out, outAt, draws) => {
      if (draws === null) out.set(from.subarray(fromAt, fromAt + length), outAt);
      else mapNearest(drawMatrix(draws, ranges, centre), size, options.fill, from, fromAt, out, outAt);
    };
  },
});
