// Cuts the middle out of each image (torchvision.transforms.CenterCrop). An image that is too small is padded with zeros first.
import { defineTransform, imageSize } from './define.ts';
import { roundHalfEven } from './ranges.ts';
import { imageSides, pairOf } from './sides.ts';
import { type AxisPart, move, onnxMoved, paddedAxis, pythonPadding } from './window.ts';

/** The part of an axis in the result: the padding on both sides, and the first position that is used. */
interface Middle {
  readonly before: number;
  readonly after: number;
  readonly first: number;
}

/** Returns where the middle `part` pixels of `length` pixels are. */
function middleOf(length: number, part: number): Middle {
  const missing = Math.max(0, part - length);
  return {
    before: Math.floor(missing / 2),
    after: Math.ceil(missing / 2),
    first: roundHalfEven(Math.max(0, length - part) / 2),
  };
}

function axis(length: number, part: number): AxisPart {
  const { before, after, first } = middleOf(length, part);
  return { map: paddedAxis(length, before, after, 'constant').subarray(first), length: part };
}

export const centerCrop = defineTransform({
  type: 'centerCrop',
  description: 'Cuts the middle out of each image. An image that is too small is padded with zeros',
  random: false,
  options: { size: imageSides.describe('The size of the part: one number for height and width, or [height, width]') },
  outputShape({ size }, input) {
    const [channels] = imageSize(input);
    return [channels, ...pairOf(size)];
  },
  pytorch({ size }, input) {
    const [, height, width] = imageSize(input);
    const [rows, columns] = pairOf(size);
    const [y, x] = [middleOf(height, rows), middleOf(width, columns)];
    const padded = pythonPadding({ left: x.before, right: x.after, top: y.before, bottom: y.after }, 0, 'constant');
    return { lines: [...padded.lines, `images = images[:, :, ${y.first} : ${y.first + rows}, ${x.first} : ${x.first + columns}]`] };
  },
  onnx({ size }, input, graph) {
    const [, height, width] = imageSize(input);
    const [rows, columns] = pairOf(size);
    return onnxMoved(graph, axis(height, rows).map.subarray(0, rows), axis(width, columns).map.subarray(0, columns), 0);
  },
  build({ size }, input) {
    const [channels, height, width] = imageSize(input);
    const [rows, columns] = pairOf(size);
    const crop = { channels, height, width, fill: 0, rows: axis(height, rows), columns: axis(width, columns) };
    return (from, fromAt, out, outAt) => move(crop, 0, 0, from, fromAt, out, outAt);
  },
});
