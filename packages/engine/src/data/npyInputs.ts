// Makes the inputs of a dataset from an array: uint8 numbers are pixels, all others are values. Also finds out which dimension of images
// has the channels.
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import type { Dataset } from './dataset.ts';
import { DataFormatError } from './errors.ts';
import type { NpyArray } from './npy.ts';
import { bytesOf, type FloatValues, floatsOf, indicesOf, type NpyView, permuted, viewOf } from './npyValues.ts';
import type { UploadReport } from './uploadReport.ts';

export const layouts = ['channelsFirst', 'channelsLast'] as const;
export type Layout = (typeof layouts)[number];

export const isPixels = ({ kind, itemBytes }: NpyArray): boolean => kind === 'uint' && itemBytes === 1;

export type NpyInputs = Pick<Dataset, 'inputShape' | 'inputs'>;

/**
 * Returns the inputs of a dataset and the shape of a sample.
 * @throws DataFormatError if the inputs are text, if float32 cannot represent a value, or if `layout` does not fit the shape or is needed
 *   and missing
 */
export function npyInputs(name: string, array: NpyArray, layout: Layout | undefined, report: UploadReport): NpyInputs {
  if (array.kind === 'text')
    throw new DataFormatError(`${name}: holds text, and inputs are numbers: convert them with a.astype("float32")`);
  const view = placed(name, viewOf(array), layout, report);
  const inputShape = sampleShape(name, view, report);
  if (isPixels(array)) {
    report.choice(
      name,
      { scale: 'x / 255' },
      'uint8 values are pixels, and are divided by 255. Save them as float32 to keep them as they are.',
    );
    return { inputShape, inputs: bytesOf(view) };
  }
  const floats = floatsOf(view);
  const inputs = finiteFloats(name, view.shape, floats);
  const { whole } = floats;
  const size = sizeOf(inputShape);
  if (whole !== null && whole.least >= 0 && whole.greatest >= 2 && whole.greatest <= 255 && (inputShape.length > 1 || size >= 64)) {
    report.choice(
      name,
      { scale: 'none' },
      `All values are whole numbers from ${whole.least} to ${whole.greatest}, like pixels, but their type is ${array.type}: they are not divided by 255. To have them divided, save them as uint8.`,
    );
  }
  return { inputShape, inputs };
}

/** Returns an array of images as [samples, channels, rows, columns]. Other arrays are returned unchanged. */
function placed(name: string, view: NpyView, layout: Layout | undefined, report: UploadReport): NpyView {
  const { shape } = view;
  if (shape.length !== 4) {
    if (layout === undefined) return view;
    throw new DataFormatError(
      `layout is for arrays of images [samples, …, …, …], and ${name} has the shape ${formatShape(shape)}: remove layout`,
      { place: { part: 'layout' } },
    );
  }
  if (layout === undefined) {
    const found = likelyLayout(shape.slice(1));
    if (found === 'channelsFirst') {
      report.choice(
        'layout',
        'channelsFirst',
        `${name} has the shape ${formatShape(shape)}, which is read as [samples, channels, rows, columns].`,
      );
      return view;
    }
    const what = found === null ? 'may have its channels first or last' : 'looks like images with their channels last';
    throw new DataFormatError(
      `${name}: the shape ${formatShape(shape)} ${what}: send layout=channelsLast for [samples, rows, columns, channels], or layout=channelsFirst`,
    );
  }
  return layout === 'channelsFirst' ? view : permuted(view, [0, 3, 1, 2]);
}

/** The usual numbers of channels: grey, colour, and colour with transparency. */
const imageChannels: readonly number[] = [1, 3, 4];

/** Returns the layout that the shape suggests, or null if both are possible. */
function likelyLayout([first, middle, last]: Shape): Layout | null {
  if (!imageChannels.includes(last) || (first === 1 && last === 1)) return 'channelsFirst';
  if (!imageChannels.includes(first)) return 'channelsLast';
  // Most images are square, so two neighbouring dimensions of the same size are probably the rows and columns.
  if (middle === last && first !== middle) return 'channelsFirst';
  return first === middle && middle !== last ? 'channelsLast' : null;
}

function sampleShape(name: string, { array, shape }: NpyView, report: UploadReport): Shape {
  if (shape.length === 1) return [1];
  if (!isPixels(array) || shape.length !== 3) return shape.slice(1);
  const inputShape = [1, ...shape.slice(1)];
  report.choice(name, { inputShape }, `Arrays of uint8 of the shape ${formatShape(shape)} are grey images with one channel.`);
  return inputShape;
}

/** Returns the values. @throws DataFormatError if float32 cannot represent one of them. The message has the first such value */
export function finiteFloats(name: string, shape: Shape, { values, unfit }: FloatValues): Float32Array {
  if (unfit === null) return values;
  const { index, value, count } = unfit;
  const others = alsoOthers(count - 1);
  const what =
    Number.isNaN(value) || value === Infinity || value === -Infinity
      ? `${value}, which is not a finite number${others}: replace it, or remove the sample`
      : `${value}, which float32 cannot hold${others}: scale the values down, or convert them with a.astype("float32")`;
  const [sample, ...inside] = indicesOf(shape, index);
  throw new DataFormatError(`${name}: the value at ${formatShape([sample, ...inside])} is ${what}`, { place: { sample } });
}

/** Returns the end of a message about one value: how many other values have the same problem. `count` is the number of the others. */
export function alsoOthers(count: number): string {
  if (count === 0) return '';
  return count === 1 ? ', as is 1 other' : `, as are ${count} others`;
}
