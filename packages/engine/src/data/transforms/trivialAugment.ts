// Applies one random change to each training image (torchvision.transforms.TrivialAugmentWide; Müller and Hutter, "TrivialAugment:
// Tuning-free Yet State-of-the-Art Data Augmentation"). The image is rounded to bytes first. Evaluation changes no image.
import { z } from 'zod';
import { sizeOf } from '../../shape.ts';
import { mapNearest, pythonAffine, rotationMatrix, type AffineMatrix } from './affineMap.ts';
import { adjustSharpness, autocontrast, equalize, posterize, pythonByteImages, solarize } from './byteImages.ts';
import { adjustBrightness, adjustContrast, adjustSaturation, byteLevels, colourImageSize, pythonBlend, pythonGrey } from './colours.ts';
import { defineTransform, numpy } from './define.ts';
import { roundHalfEven } from './ranges.ts';

const f = Math.fround;

/** The changes in torchvision's order, and the largest magnitude of those whose sign is random. */
export const changes = [
  { name: 'identity' },
  { name: 'shearX', signedTo: 0.99 },
  { name: 'shearY', signedTo: 0.99 },
  { name: 'translateX', signedTo: 32 },
  { name: 'translateY', signedTo: 32 },
  { name: 'rotate', signedTo: 135 },
  { name: 'brightness', signedTo: 0.99 },
  { name: 'color', signedTo: 0.99 },
  { name: 'contrast', signedTo: 0.99 },
  { name: 'sharpness', signedTo: 0.99 },
  { name: 'posterize' },
  { name: 'solarize' },
  { name: 'autoContrast' },
  { name: 'equalize' },
] as const;

type Change = (typeof changes)[number];

/** Returns value `index` of torch.linspace(start, end, steps), in float32. */
function linspace(start: number, end: number, steps: number, index: number): number {
  const step = f(f(f(end) - start) / (steps - 1));
  return index < Math.floor(steps / 2) ? f(start + step * index) : f(f(end) - step * (steps - 1 - index));
}

/** Returns the magnitude of a change: level `index` of `bins`. */
function magnitudeOf(change: Change, index: number, bins: number, isNegative: boolean): number {
  if ('signedTo' in change) return (isNegative ? -1 : 1) * linspace(0, change.signedTo, bins, index);
  if (change.name === 'solarize') return linspace(1, 0, bins, index);
  return change.name === 'posterize' ? roundHalfEven(f(8 - f(index / f((bins - 1) / 6)))) : 0;
}

/** Returns the map of a change that moves pixels, or null. The shears keep the upper left corner where it is. */
function matrixOf(name: Change['name'], magnitude: number, height: number, width: number): AffineMatrix | null {
  switch (name) {
    case 'shearX':
      return [1, magnitude, (magnitude * height) / 2, 0, 1, 0];
    case 'shearY':
      return [1, 0, 0, magnitude, 1, (magnitude * width) / 2];
    case 'translateX':
      return [1, 0, -Math.trunc(magnitude), 0, 1, 0];
    case 'translateY':
      return [1, 0, 0, 0, 1, -Math.trunc(magnitude)];
    case 'rotate':
      return rotationMatrix(magnitude, [0, 0], height, width);
    default:
      return null;
  }
}

/** The size of the images, and memory for one image and for one channel. */
interface Workplace {
  readonly size: readonly [channels: number, height: number, width: number];
  readonly fill: number;
  readonly copy: Float32Array;
  readonly plane: Float32Array;
}

/** Applies a change to an image of bytes, in place. */
function applyChange({ size, fill, copy, plane }: Workplace, image: Float32Array, name: Change['name'], magnitude: number): void {
  const [channels, height, width] = size;
  const pixels = height * width;
  const matrix = matrixOf(name, magnitude, height, width);
  if (matrix !== null) {
    copy.set(image);
    mapNearest(matrix, size, fill, copy, 0, image, 0);
  } else if (name === 'brightness') adjustBrightness(image, 0, image.length, 1 + magnitude, byteLevels);
  else if (name === 'color') adjustSaturation(image, 0, channels, pixels, 1 + magnitude, byteLevels);
  else if (name === 'contrast') adjustContrast(image, 0, channels, pixels, 1 + magnitude, byteLevels);
  else if (name === 'sharpness') adjustSharpness(image, size, 1 + magnitude, plane);
  else if (name === 'posterize') posterize(image, magnitude);
  else if (name === 'solarize') solarize(image, 255 * magnitude);
  else if (name === 'autoContrast') autocontrast(image, size);
  else if (name === 'equalize') equalize(image, size);
}

/** Applies one change to an image from 0 to 1, in place. @param change the index in the list of changes */
export function trivialChange(
  place: Workplace,
  image: Float32Array,
  change: number,
  index: number,
  bins: number,
  isNegative: boolean,
): void {
  for (let i = 0; i < image.length; i++) image[i] = roundHalfEven(Math.min(255, Math.max(0, f(image[i] * 255))));
  applyChange(place, image, changes[change].name, magnitudeOf(changes[change], index, bins, isNegative));
  for (let i = 0; i < image.length; i++) image[i] /= 255;
}

/** Returns the memory for images of a size. */
export function workplaceOf(size: Workplace['size'], fill: number): Workplace {
  return { size, fill, copy: new Float32Array(sizeOf(size)), plane: new Float32Array(size[1] * size[2]) };
}

const pythonTrivial = `def trivial_augment(image, row, bins, fill):
    image = image.mul(255).round().clamp(0, 255)
    height, width = image.shape[-2:]
    change, index, sign = int(row[0] * ${changes.length}), int(row[1] * bins), -1 if row[2] < 0.5 else 1
    signed_to = [None, ${changes
      .slice(1, 10)
      .map((change) => ('signedTo' in change ? change.signedTo : 'None'))
      .join(', ')}]
    magnitude = sign * float(torch.linspace(0.0, signed_to[change], bins)[index]) if 1 <= change <= 9 else None
    matrix = None
    if change == 1:
        matrix = 1, magnitude, magnitude * height / 2, 0, 1, 0
    elif change == 2:
        matrix = 1, 0, 0, magnitude, 1, magnitude * width / 2
    elif change == 3:
        matrix = 1, 0, -int(magnitude), 0, 1, 0
    elif change == 4:
        matrix = 1, 0, 0, 0, 1, -int(magnitude)
    elif change == 5:
        matrix = rotation_matrix(magnitude, (0, 0), height, width)
    elif change == 6:
        image = image.mul(1.0 + magnitude).clamp(0, 255).floor()
    elif change == 7 and len(image) == 3:
        image = blend(image, grey(image).floor(), 1.0 + magnitude, 255).floor()
    elif change == 8:
        image = blend(image, grey(image).floor().double().mean().float(), 1.0 + magnitude, 255).floor()
    elif change == 9:
        image = sharpen(image, 1.0 + magnitude)
    elif change == 10:
        bits = int((8 - (torch.arange(bins) / ((bins - 1) / 6))).round()[index])
        image = (image / 2 ** (8 - bits)).floor() * 2 ** (8 - bits)
    elif change == 11:
        image = torch.where(image >= 255 * float(torch.linspace(1.0, 0.0, bins)[index]), 255 - image, image)
    elif change == 12:
        image = autocontrast(image)
    elif change == 13:
        image = equalize(image)
    return (image if matrix is None else map_nearest(image, matrix, fill)) / 255`;

export const trivialAugment = defineTransform({
  type: 'trivialAugment',
  description:
    'Applies one random change of random strength to each training image: shear, move, rotation, brightness, colour, contrast, sharpness, posterize, solarize, autocontrast, equalize, or none. The image is rounded to bytes first. Evaluation changes no image',
  random: true,
  options: {
    numMagnitudeBins: z.int().min(2).max(1000).default(31).describe('The number of different strengths'),
    fill: z.number().min(0).max(255).default(0).describe('Value from 0 to 255 of pixels that come from outside the image'),
  },
  outputShape(_, input) {
    return colourImageSize(input);
  },
  pytorch: ({ numMagnitudeBins, fill }) => ({
    imports: ['math', numpy],
    functions: [pythonGrey, pythonBlend, pythonAffine, pythonByteImages, pythonTrivial],
    lines: [
      'if draws is not None:',
      `    images = torch.stack([trivial_augment(image, row, ${numMagnitudeBins}, ${fill}) for image, row in zip(images, draws.tolist())])`,
    ],
  }),
  build({ numMagnitudeBins, fill }, input) {
    const size = colourImageSize(input);
    const place = workplaceOf(size, fill);
    const length = sizeOf(input);
    return (from, fromAt, out, outAt, draws) => {
      out.set(from.subarray(fromAt, fromAt + length), outAt);
      if (draws === null) return;
      const change = draws.integer(changes.length);
      const index = draws.integer(numMagnitudeBins);
      trivialChange(place, out.subarray(outAt, outAt + length), change, index, numMagnitudeBins, draws.uniform() < 0.5);
    };
  },
});
