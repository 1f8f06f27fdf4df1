// Changes brightness, contrast, saturation and hue of images at random (torchvision.transforms.ColorJitter). Evaluation changes no image.
import { z } from 'zod';
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  colourImageSize,
  pythonBlend,
  pythonGrey,
  pythonHue,
} from './colours.ts';
import { defineTransform } from './define.ts';
import { between, pythonBetween, type Range, rangeSchema } from './ranges.ts';

/** The largest factor. torchvision has no limit. */
const MOST = 1000;

const factor = z.union([z.number().min(0).max(MOST), rangeSchema(0, MOST)]).default(0);
const hueShift = z.union([z.number().min(0).max(0.5), rangeSchema(-0.5, 0.5)]).default(0);

interface Options {
  readonly brightness: number | Range;
  readonly contrast: number | Range;
  readonly saturation: number | Range;
  readonly hue: number | Range;
}

/** The steps in torchvision's order: the names of their options, and the value that changes nothing. */
const steps = [
  { option: 'brightness', neutral: 1 },
  { option: 'contrast', neutral: 1 },
  { option: 'saturation', neutral: 1 },
  { option: 'hue', neutral: 0 },
] as const;

/** Returns the range of each step's value, or null for a step that changes nothing. */
function rangesOf(options: Options): (Range | null)[] {
  return steps.map(({ option, neutral }) => {
    const given = options[option];
    const least = neutral === 1 ? 0 : -0.5;
    const range: Range = typeof given === 'number' ? [Math.max(neutral - given, least), neutral + given] : given;
    return range[0] === neutral && range[1] === neutral ? null : range;
  });
}

/** The 24 orders of four steps, in lexicographic order. */
const orders: readonly (readonly number[])[] = Array.from({ length: 24 }, (_, number) => {
  const rest = [0, 1, 2, 3];
  return [6, 2, 1, 1].map((size, at) => rest.splice(Math.floor(number / size) % (4 - at), 1)[0]);
});

const pythonJitter = `def color_jitter(image, values, order):
    for step in list(itertools.permutations(range(4)))[order]:
        if values[step] is None:
            continue
        if step == 0:
            image = (image * values[0]).clamp(0, 1)
        elif step == 1:
            image = blend(image, grey(image).double().mean().float(), values[1])
        elif step == 2:
            image = image if len(image) == 1 else blend(image, grey(image), values[2])
        else:
            image = adjust_hue(image, values[3])
    return image`;

export const colorJitter = defineTransform({
  type: 'colorJitter',
  description:
    'Changes brightness, contrast, saturation and hue of each training image by random amounts, in a random order. Evaluation changes no image',
  random: true,
  options: {
    brightness: factor.describe('The factor of the brightness: from 1 - this number (at least 0) to 1 + this number, or [least, most]'),
    contrast: factor.describe('The factor of the contrast, given like the brightness'),
    saturation: factor.describe('The factor of the saturation, given like the brightness. It has no effect on grey images'),
    hue: hueShift.describe(
      'The shift of the hue as a share of the colour circle: from - this number to this number, or [least, most] within -0.5 to 0.5. It has no effect on grey images',
    ),
  },
  outputShape(_, input) {
    return colourImageSize(input);
  },
  pytorch(options) {
    const values = rangesOf(options).map((range, step) => (range === null ? 'None' : pythonBetween(range, `row[${step}]`)));
    return {
      imports: ['itertools'],
      functions: [pythonGrey, pythonBlend, pythonHue, pythonJitter],
      draws: 5,
      lines: [
        'if draws is not None:',
        `    jittered = [color_jitter(image, [${values.join(', ')}], int(row[4] * 24)) for image, row in zip(images, draws.tolist())]`,
        '    images = torch.stack(jittered)',
      ],
    };
  },
  build(options, input) {
    const [channels, height, width] = colourImageSize(input);
    const pixels = height * width;
    const ranges = rangesOf(options);
    return (from, fromAt, out, outAt, draws) => {
      out.set(from.subarray(fromAt, fromAt + channels * pixels), outAt);
      if (draws === null) return;
      const values = ranges.map((range) => {
        const draw = draws.uniform();
        return range === null ? null : between(range, draw);
      });
      for (const step of orders[draws.integer(orders.length)]) {
        const value = values[step];
        if (value === null) continue;
        if (step === 0) adjustBrightness(out, outAt, channels * pixels, value);
        else if (step === 1) adjustContrast(out, outAt, channels, pixels, value);
        else if (step === 2) adjustSaturation(out, outAt, channels, pixels, value);
        else adjustHue(out, outAt, channels, pixels, value);
      }
    };
  },
});
