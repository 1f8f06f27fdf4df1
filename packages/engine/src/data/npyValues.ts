// Reads the values of an NPY array in row-major order, for every number type, byte order and order in the file.
import { halfValue } from '../formats/elementTypes.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { sharableBytes } from './dataset.ts';
import type { NpyArray } from './npy.ts';

/** An array whose axes may be in another order than in the file. */
export interface NpyView {
  readonly array: NpyArray;
  readonly shape: Shape;
  /** For each axis: the distance in the file between two values whose indices differ by 1, counted in values. */
  readonly strides: readonly number[];
}

/** Returns a view of the array with its axes in the original order. */
export function viewOf(array: NpyArray): NpyView {
  const { shape, isFortran } = array;
  const strides = shape.map((_, axis) => sizeOf(isFortran ? shape.slice(0, axis) : shape.slice(axis + 1)));
  return { array, shape, strides };
}

/** Returns the view with reordered axes: axis i of the result is axis `order[i]` of the view. */
export function permuted({ array, shape, strides }: NpyView, order: readonly number[]): NpyView {
  return { array, shape: order.map((axis) => shape[axis]), strides: order.map((axis) => strides[axis]) };
}

/** Returns whether the values have the same order in the file and in the view. */
function isContiguous({ shape, strides }: NpyView): boolean {
  return shape.every((length, axis) => length === 1 || strides[axis] === sizeOf(shape.slice(axis + 1)));
}

/** Calls `visit` for each value, with its index in the view (row-major) and its index in the file. */
export function visitValues(view: NpyView, visit: (index: number, offset: number) => void): void {
  const { shape, strides } = view;
  const size = sizeOf(shape);
  if (size === 0) return;
  const last = shape.length - 1;
  const [inner, step] = last < 0 ? [1, 1] : [shape[last], strides[last]];
  const indices = new Array<number>(Math.max(0, last)).fill(0);
  let base = 0;
  for (let index = 0; index < size; ) {
    for (let i = 0; i < inner; i++, index++) visit(index, base + i * step);
    for (let axis = last - 1; axis >= 0; axis--) {
      indices[axis] += 1;
      base += strides[axis];
      if (indices[axis] < shape[axis]) break;
      base -= strides[axis] * shape[axis];
      indices[axis] = 0;
    }
  }
}

/**
 * Returns a function that reads a number. Its argument is the index of the number in the file. Integers of 8 bytes are bigints. The bytes
 * need not be aligned.
 */
export function numberReader({ kind, itemBytes, isBigEndian, data }: NpyArray): (offset: number) => number | bigint {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const little = !isBigEndian;
  const readers: Readonly<Record<string, (offset: number) => number | bigint>> = {
    float2: (i) => halfValue(view.getUint16(2 * i, little)),
    float4: (i) => view.getFloat32(4 * i, little),
    float8: (i) => view.getFloat64(8 * i, little),
    int1: (i) => view.getInt8(i),
    int2: (i) => view.getInt16(2 * i, little),
    int4: (i) => view.getInt32(4 * i, little),
    int8: (i) => view.getBigInt64(8 * i, little),
    uint1: (i) => view.getUint8(i),
    uint2: (i) => view.getUint16(2 * i, little),
    uint4: (i) => view.getUint32(4 * i, little),
    uint8: (i) => view.getBigUint64(8 * i, little),
    bool1: (i) => Number(view.getUint8(i) !== 0),
  };
  const reader = readers[`${kind}${itemBytes}`];
  if (reader === undefined) throw new TypeError(`there are no numbers in an array of ${kind}`);
  return reader;
}

/** Returns a function that reads a text. Its argument is the index of the text in the file. A text is UCS-4, padded with zeros. */
export function textReader({ itemBytes, isBigEndian, data }: NpyArray): (offset: number) => string {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return (offset) => {
    const points = Array.from({ length: itemBytes / 4 }, (_, i) => view.getUint32(offset * itemBytes + 4 * i, !isBigEndian));
    const end = points.findLastIndex((point) => point !== 0) + 1;
    return points
      .slice(0, end)
      .map((point) => (point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point)))
      .join('')
      .normalize('NFC');
  };
}

/** Returns the values of a uint8 array, in shared memory if the platform has it. */
export function bytesOf(view: NpyView): Uint8Array {
  const { data } = view.array;
  const bytes = sharableBytes(sizeOf(view.shape));
  if (isContiguous(view)) bytes.set(data);
  else visitValues(view, (index, offset) => (bytes[index] = data[offset]));
  return bytes;
}

/** The values of an array as float32, with a check of whether float32 represents them and whether they are whole numbers. */
export interface FloatValues {
  /** The values, in shared memory if the platform has it. */
  readonly values: Float32Array;
  /**
   * The first value that float32 cannot represent, and how many there are. Such values are not finite, or are integers that would be
   * rounded. Null if there is none.
   */
  readonly unfit: { readonly index: number; readonly value: number | bigint; readonly count: number } | null;
  /** The least and the greatest value if all values are whole numbers, otherwise null. */
  readonly whole: { readonly least: number; readonly greatest: number } | null;
}

/** Converts all values to float32. */
export function floatsOf(view: NpyView): FloatValues {
  const { array, shape } = view;
  const values = new Float32Array(sharableBytes(4 * sizeOf(shape)).buffer);
  const read = numberReader(array);
  const isExact = array.kind !== 'float';
  let unfit: { index: number; value: number | bigint; count: number } | null = null;
  let [least, greatest, isWhole] = [Infinity, -Infinity, true];
  visitValues(view, (index, offset) => {
    const raw = read(offset);
    const value = Number(raw);
    values[index] = value;
    const float = values[index];
    if (!Number.isFinite(float) || (isExact && (typeof raw === 'bigint' ? BigInt(float) !== raw : float !== value))) {
      unfit ??= { index, value: raw, count: 0 };
      unfit.count += 1;
    }
    isWhole &&= Number.isInteger(float);
    least = Math.min(least, float);
    greatest = Math.max(greatest, float);
  });
  return { values, unfit, whole: isWhole ? { least, greatest } : null };
}

/** Converts a value's row-major index to its index along each axis. */
export function indicesOf(shape: Shape, index: number): number[] {
  return shape.map((length, axis) => Math.floor(index / sizeOf(shape.slice(axis + 1))) % length);
}
