// A frame around each image: torchvision.transforms.Pad.
import { defineTransform, imageSize } from './define.ts';
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

export const pad = defineTransform({
  type: 'pad',
  description: 'Adds pixels around each image',
  random: false,
  options: {
    padding: paddingSchema.describe(paddingDescription),
    ...paddingOptions,
  },
  outputShape({ padding, paddingMode }, input) {
    const [channels, height, width] = imageSize(input);
    const sides = sidesOf(padding);
    checkPadding(sides, paddingMode, height, width);
    return [channels, sides.top + height + sides.bottom, sides.left + width + sides.right];
  },
  pytorch: ({ padding, fill, paddingMode }) => pythonPadding(sidesOf(padding), fill, paddingMode),
  onnx({ padding, fill, paddingMode }, input, graph) {
    const [, height, width] = imageSize(input);
    const { left, top, right, bottom } = sidesOf(padding);
    return onnxMoved(graph, paddedAxis(height, top, bottom, paddingMode), paddedAxis(width, left, right, paddingMode), fill);
  },
  build({ padding, fill, paddingMode }, input) {
    const [channels, height, width] = imageSize(input);
    const { left, top, right, bottom } = sidesOf(padding);
    const rows = paddedAxis(height, top, bottom, paddingMode);
    const columns = paddedAxis(width, left, right, paddingMode);
    const frame = {
      channels,
      height,
      width,
      fill,
      rows: { map: rows, length: rows.length },
      columns: { map: columns, length: columns.length },
    };
    return (from, fromAt, out, outAt) => move(frame, 0, 0, from, fromAt, out, outAt);
  },
});
