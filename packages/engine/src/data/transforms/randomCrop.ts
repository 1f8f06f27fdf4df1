// Cuts a part out of each image at a random place, after padding (torchvision.transforms.RandomCrop). In evaluation, cuts out the middle of
// the image, so that all results have the same shape. A part that is as large as the image is then the image itself.
import { ShapeError } from '../../errors.ts';
import { sizePair } from '../../nn/layers/define.ts';
import { defineTransform, imageSize, numpy } from './define.ts';
import {
  checkPadding,
  move,
  onnxMoved,
  paddedAxis,
  paddingDescription,
  paddingOptions,
  paddingSchema,
  pythonPadding,
  sidesOf,
} from './window.ts';

const pairOf = (size: number | readonly [number, number]): readonly [number, number] => (typeof size === 'number' ? [size, size] : size);

/**
 * Returns where a crop of `part` pixels from the middle of an image of `length` pixels begins, counted from the start of the padding. The
 * crop contains padding only if the image is too small.
 */
function middle(length: number, part: number, before: number, after: number): number {
  return Math.min(Math.max(before + Math.floor((length - part) / 2), 0), before + length + after - part);
}

export const randomCrop = defineTransform({
  type: 'randomCrop',
  description: 'Cuts a part out of each training image at a random position, after padding. Evaluation takes the middle of the image',
  random: true,
  options: {
    size: sizePair(1).describe('The size of the part: one number for height and width, or [height, width]'),
    padding: paddingSchema.default(0).describe(paddingDescription),
    ...paddingOptions,
  },
  outputShape({ size, padding, paddingMode }, input) {
    const [channels, height, width] = imageSize(input);
    const sides = sidesOf(padding);
    checkPadding(sides, paddingMode, height, width);
    const [rows, columns] = pairOf(size);
    const padded = [sides.top + height + sides.bottom, sides.left + width + sides.right];
    if (rows > padded[0] || columns > padded[1]) {
      throw new ShapeError(
        `a crop of ${rows}×${columns} does not fit the ${padded[0]}×${padded[1]} image (${height}×${width} and its padding): use a smaller size or more padding`,
        'size',
      );
    }
    return [channels, rows, columns];
  },
  pytorch({ size, padding, fill, paddingMode }, input) {
    const [, height, width] = imageSize(input);
    const sides = sidesOf(padding);
    const [rows, columns] = pairOf(size);
    const tops = sides.top + height + sides.bottom - rows + 1;
    const lefts = sides.left + width + sides.right - columns + 1;
    const padded = pythonPadding(sides, fill, paddingMode);
    return {
      imports: [numpy],
      lines: [
        ...padded.lines,
        `top = np.full(len(images), ${middle(height, rows, sides.top, sides.bottom)}) if draws is None else np.floor(draws[:, 0] * ${tops})`,
        `left = np.full(len(images), ${middle(width, columns, sides.left, sides.right)}) if draws is None else np.floor(draws[:, 1] * ${lefts})`,
        `corners = zip(top.astype(int), left.astype(int))`,
        `images = torch.stack([image[:, y : y + ${rows}, x : x + ${columns}] for image, (y, x) in zip(images, corners)])`,
      ],
    };
  },
  onnx({ size, padding, fill, paddingMode }, input, graph) {
    const [, height, width] = imageSize(input);
    const { left, top, right, bottom } = sidesOf(padding);
    const [rows, columns] = pairOf(size);
    const [y, x] = [middle(height, rows, top, bottom), middle(width, columns, left, right)];
    const rowMap = paddedAxis(height, top, bottom, paddingMode).subarray(y, y + rows);
    return onnxMoved(graph, rowMap, paddedAxis(width, left, right, paddingMode).subarray(x, x + columns), fill);
  },
  build({ size, padding, fill, paddingMode }, input) {
    const [channels, height, width] = imageSize(input);
    const sides = sidesOf(padding);
    const [rows, columns] = pairOf(size);
    const crop = {
      channels,
      height,
      width,
      fill,
      rows: { map: paddedAxis(height, sides.top, sides.bottom, paddingMode), length: rows },
      columns: { map: paddedAxis(width, sides.left, sides.right, paddingMode), length: columns },
    };
    const tops = crop.rows.map.length - rows + 1;
    const lefts = crop.columns.map.length - columns + 1;
    const middleTop = middle(height, rows, sides.top, sides.bottom);
    const middleLeft = middle(width, columns, sides.left, sides.right);
    return (from, fromAt, out, outAt, draws) => {
      const top = draws === null ? middleTop : draws.integer(tops);
      const left = draws === null ? middleLeft : draws.integer(lefts);
      move(crop, top, left, from, fromAt, out, outAt);
    };
  },
});
