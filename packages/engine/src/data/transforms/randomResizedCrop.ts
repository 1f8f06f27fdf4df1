// Cuts a part of random size and aspect ratio out of each training image, and scales it (torchvision.transforms.RandomResizedCrop:
// bilinear, with antialiasing). Evaluation scales the image to 8/7 of the size and cuts out its middle.
import { sizeOf } from '../../shape.ts';
import { centerCrop } from './centerCrop.ts';
import { defineTransform, imageSize } from './define.ts';
import type { Draws } from './draws.ts';
import { ATTEMPT_DRAWS, drawSize, pythonDrawSize, type PartLimits } from './randomParts.ts';
import { rangeSchema, roundHalfEven } from './ranges.ts';
import { onnxResized, type Part, pythonResized, Scaler } from './resampling.ts';
import { resize } from './resize.ts';
import { checkSides, imageSides, pairOf } from './sides.ts';

type Size = readonly [height: number, width: number];

/** Returns the part that is used if no drawn size fits: the largest part in the middle whose ratio is within the limits. */
function middlePart(height: number, width: number, ratio: readonly [number, number]): Part {
  const own = width / height;
  const size: Size =
    own < ratio[0]
      ? [roundHalfEven(width / ratio[0]), width]
      : own > ratio[1]
        ? [height, roundHalfEven(height * ratio[1])]
        : [height, width];
  return { top: Math.floor((height - size[0]) / 2), left: Math.floor((width - size[1]) / 2), height: size[0], width: size[1] };
}

function drawPart(draws: Draws, height: number, width: number, limits: PartLimits): Part {
  const fits = (w: number, h: number): boolean => w > 0 && w <= width && h > 0 && h <= height;
  const size = drawSize(draws, 0, height * width, limits, fits);
  if (size === null) return middlePart(height, width, limits.ratio);
  const [w, h] = size;
  draws.skipTo(ATTEMPT_DRAWS);
  return { top: draws.integer(height - h + 1), left: draws.integer(width - w + 1), height: h, width: w };
}

/** Returns the size to which evaluation scales an image. It covers 8/7 of the size of the result in both directions. */
function evaluationSize([rows, columns]: Size, height: number, width: number): [height: number, width: number] {
  const wanted = [roundHalfEven((rows * 8) / 7), roundHalfEven((columns * 8) / 7)];
  return wanted[0] * width >= wanted[1] * height
    ? [wanted[0], Math.floor((wanted[0] * width) / height)]
    : [Math.floor((wanted[1] * height) / width), wanted[1]];
}

const pythonDrawPart = `def draw_part(row, height, width, scale, ratio):
    size = draw_size(row, height * width, scale, ratio, lambda w, h: 0 < w <= width and 0 < h <= height)
    if size is not None:
        w, h = size
        return int(row[${ATTEMPT_DRAWS}] * (height - h + 1)), int(row[${ATTEMPT_DRAWS + 1}] * (width - w + 1)), h, w
    own = width / height
    h, w = height, width
    if own < ratio[0]:
        h = round(width / ratio[0])
    elif own > ratio[1]:
        w = round(height * ratio[1])
    return (height - h) // 2, (width - w) // 2, h, w`;

export const randomResizedCrop = defineTransform({
  type: 'randomResizedCrop',
  description:
    'Cuts a part of random size and aspect ratio out of each training image, and scales it. Evaluation scales the image to 8/7 of the size and cuts out its middle',
  random: true,
  options: {
    size: imageSides.describe('The size of the result: one number for height and width, or [height, width]'),
    scale: rangeSchema(1e-6, 1).default([0.08, 1]).describe("The range of the part's area, as a share of the image's area"),
    ratio: rangeSchema(0.01, 100)
      .default([3 / 4, 4 / 3])
      .describe("The range of the part's width divided by its height"),
  },
  outputShape({ size }, input) {
    const [channels, height, width] = imageSize(input);
    checkSides(evaluationSize(pairOf(size), height, width));
    return [channels, ...pairOf(size)];
  },
  pytorch({ size, scale, ratio }, input) {
    const [channels, height, width] = imageSize(input);
    const scaled = evaluationSize(pairOf(size), height, width);
    const evaluated = [...resize.pytorch({ size: scaled }, input).lines, ...centerCrop.pytorch({ size }, [channels, ...scaled]).lines];
    const part = `draw_part(row, ${height}, ${width}, (${scale.join(', ')}), (${ratio.join(', ')}))`;
    return {
      imports: ['math'],
      functions: [pythonDrawSize, pythonDrawPart],
      draws: ATTEMPT_DRAWS + 2,
      lines: [
        'if draws is None:',
        ...evaluated.map((line) => `    ${line}`),
        'else:',
        `    parts = [${part} for row in draws.tolist()]`,
        '    cut = [image[None, :, y : y + h, x : x + w] for image, (y, x, h, w) in zip(images, parts)]',
        `    images = torch.cat([${pythonResized(pairOf(size), 'image')} for image in cut])`,
      ],
    };
  },
  onnx({ size }, input, graph) {
    const [channels, height, width] = imageSize(input);
    const scaled = evaluationSize(pairOf(size), height, width);
    const enlarged = onnxResized(graph, [height, width], scaled);
    return centerCrop.onnx?.({ size }, [channels, ...scaled], { ...graph, input: enlarged }) ?? enlarged;
  },
  build({ size, scale, ratio }, input) {
    const shape = imageSize(input);
    const [channels, height, width] = shape;
    const scaler = new Scaler(shape, pairOf(size));
    const scaled = evaluationSize(pairOf(size), height, width);
    const enlarged = new Float32Array(sizeOf([channels, ...scaled]));
    const enlarge = resize.build({ size: scaled }, input);
    const cut = centerCrop.build({ size }, [channels, ...scaled]);
    return (from, fromAt, out, outAt, draws) => {
      if (draws === null) {
        enlarge(from, fromAt, enlarged, 0, null);
        cut(enlarged, 0, out, outAt, null);
      } else {
        scaler.scale(drawPart(draws, height, width, { scale, ratio }), from, fromAt, out, outAt);
      }
    };
  },
});
