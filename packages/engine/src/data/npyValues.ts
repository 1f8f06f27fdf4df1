// The values of an NPY array one after the other, last axis fastest, whatever their type, byte order and order in the file.
import { halfValue } from '../formats/elementTypes.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { sharableBytes } from './dataset.ts';
import type { NpyArray } from './npy.ts';

/** An array with its axes in some order. */
export interface NpyView {
  readonly array: NpyArray;
  readonly shape: Shape;
  /** Values from one index of an axis to the next, in the file. */
  readonly strides: readonly number[];
}

/** The array with its own axes. */
export function viewOf(array: NpyArray): NpyView {
  const { shape, isFortran } = array;
  const strides = shape.map((_, axis) => sizeOf(isFortran ? shape.slice(0, axis) : shape.slice(axis + 1)));
  return { array, shape, strides };
}

/** Axis i of the result is axis `order[i]` of the view. */
export function permuted({ array, shape, strides }: NpyView, order: readonly number[]): NpyView {
  return { array, shape: order.map((axis) => shape[axis]), strides: order.map((axis) => strides[axis]) };
}

/** Whether the values lie in the file as they are read. */
function isContiguous({ shape, strides }: NpyView): boolean {
  return shape.every((length, axis) => length === 1 || strides[axis] === sizeOf(shape.slice(axis + 1)));
}

/** Calls `visit` with each value's number, and where it lies among the file's values. */
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

/** A number by its place in the file; the bytes need not be aligned. Integers of 8 bytes are bigints. */
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

/** A text by its place in the file: UCS-4, filled up with zeros. */
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

/** The bytes of an array of uint8, in shared memory. */
export function bytesOf(view: NpyView): Uint8Array {
  const { data } = view.array;
  const bytes = sharableBytes(sizeOf(view.shape));
  if (isContiguous(view)) bytes.set(data);
  else visitValues(view, (index, offset) => (bytes[index] = data[offset]));
  return bytes;
}

/** What is known of the values after all were read. */
export interface FloatValues {
  /** float32, in shared memory. */
  readonly values: Float32Array;
  /** The first value that float32 cannot hold: not finite, or a whole number of the array that would be rounded. Null if all fit. */
  readonly unfit: { readonly index: number; readonly value: number | bigint; readonly count: number } | null;
  /** The least and the greatest, where all are whole; null otherwise. */
  readonly whole: { readonly least: number; readonly greatest: number } | null;
}

/** The values as float32. */
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

/** Where a value is: its index along each axis. */
export function indicesOf(shape: Shape, index: number): number[] {
  return shape.map((length, axis) => Math.floor(index / sizeOf(shape.slice(axis + 1))) % length);
}
