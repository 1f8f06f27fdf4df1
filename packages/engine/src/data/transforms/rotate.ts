// Rotates images by random angles (torchvision.transforms.RandomRotation: the nearest pixel, the same size). Evaluation rotates no image.
import { sizeOf } from '../../shape.ts';
import {
  centreOf,
  centreSchema,
  degreesSchema,
  degreesOf,
  fillSchema,
  mapNearest,
  pythonAffine,
  pythonCentre,
  rotationMatrix,
} from './affineMap.ts';
import { defineTransform, imageSize, numpy } from './define.ts';
import { between, pythonBetween } from './ranges.ts';

export const rotate = defineTransform({
  type: 'rotate',
  description: 'Rotates each training image counter-clockwise by a random angle. Evaluation rotates no image',
  random: true,
  options: {
    degrees: degreesSchema.describe('The angle: from - this number to this number, or [least, most]'),
    center: centreSchema.describe('The centre [x, y] in pixels from the upper left corner. If omitted, the middle of the image'),
    fill: fillSchema.describe('Value of pixels that come from outside the image'),
  },
  outputShape(_, input) {
    return imageSize(input);
  },
  pytorch({ degrees, center, fill }, input) {
    const [, height, width] = imageSize(input);
    const angle = pythonBetween(degreesOf(degrees), 'row[0]');
    return {
      imports: ['math', numpy],
      functions: [pythonAffine],
      lines: [
        'if draws is not None:',
        `    turns = [rotation_matrix(${angle}, ${pythonCentre(center, height, width)}, ${height}, ${width}) for row in draws.tolist()]`,
        `    images = torch.stack([map_nearest(image, matrix, ${fill}) for image, matrix in zip(images, turns)])`,
      ],
    };
  },
  build({ degrees, center, fill }, input) {
    const size = imageSize(input);
    const [, height, width] = size;
    const range = degreesOf(degrees);
    const centre = centreOf(center, height, width);
    const length = sizeOf(input);
    return (from, fromAt, out, outAt, draws) => {
      if (draws === null) out.set(from.subarray(fromAt, fromAt + length), outAt);
      else mapNearest(rotationMatrix(between(range, draws.uniform()), centre, height, width), size, fill, from, fromAt, out, outAt);
    };
  },
});
