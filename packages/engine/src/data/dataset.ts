// The type of one split of a dataset in memory, and functions that read its samples. A split consists of plain objects and typed arrays, so
// that it can be sent to another thread. This file imports little, because every loader thread loads it.
import { ArgumentError } from '../errors.ts';
import { type Shape, sizeOf } from '../shape.ts';

/** The type of a sample's target: one of a list of classes, or an array of values. */
export type Target = { readonly kind: 'class'; readonly classes: readonly string[] } | { readonly kind: 'values'; readonly shape: Shape };

/** A split in memory. Its arrays may use SharedArrayBuffers. */
export interface Dataset {
  /** The number of samples. */
  readonly length: number;
  /** The shape of one sample, such as [1, 28, 28]. */
  readonly inputShape: Shape;
  /** The inputs of all samples, row-major. Bytes are pixels; they are read as x / 255. */
  readonly inputs: InputArray;
  readonly target: Target;
  /** The targets of all samples, row-major: class indices (bytes or int32) or values (float32). */
  readonly targets: Uint8Array | Int32Array | Float32Array;
}

/** The training part and the test part of a dataset in memory. `test` is null without a test part. */
export interface Splits {
  readonly train: Dataset;
  readonly test: Dataset | null;
}

/** The targets of a batch: class indices (int32) or values (float32). */
export type TargetArray = Int32Array | Float32Array;

/** The inputs of a batch or a dataset: pixels (bytes, read as x / 255) or values (float32). */
export type InputArray = Uint8Array | Float32Array;

/** The indices of samples, in the order in which they are read. */
export type SampleOrder = Uint32Array | Int32Array;

/** Returns the number of values in one sample's target. It is 1 for a class. */
export function targetSize(target: Target): number {
  return target.kind === 'class' ? 1 : sizeOf(target.shape);
}

/** Returns a zeroed array for the targets of `samples` samples, of the type that {@link gather} writes. */
export function targetArray(target: Target, samples: number): TargetArray {
  const size = samples * targetSize(target);
  return target.kind === 'class' ? new Int32Array(size) : new Float32Array(size);
}

/** Returns zeroed bytes, in shared memory if the platform has it. A loader thread can then read them without a copy. */
export function sharableBytes(length: number): Uint8Array {
  return new Uint8Array(typeof SharedArrayBuffer === 'undefined' ? new ArrayBuffer(length) : new SharedArrayBuffer(length));
}

/** Returns the first `count` samples, or all if there are fewer. The result uses the same memory as `dataset`. */
export function take(dataset: Dataset, count: number): Dataset {
  if (count >= dataset.length) return dataset;
  return {
    ...dataset,
    length: count,
    inputs: dataset.inputs.subarray(0, count * sizeOf(dataset.inputShape)),
    targets: dataset.targets.subarray(0, count * targetSize(dataset.target)),
  };
}

/** The float32 value of x / 255 for each byte x. It is rounded once, as in PyTorch's `.float() / 255`. */
const grey = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * Copies samples into the arrays of a batch: sample `indices[i]` becomes row i. Pixels stay bytes in a Uint8Array and become x / 255 in a
 * Float32Array.
 * @param inputsOut has at least indices.length × (size of a sample) elements. Must be a Float32Array if the dataset's inputs are values
 * @param targetsOut has at least indices.length × (size of a target) elements: Int32Array for classes, Float32Array for values
 * @throws ArgumentError if the dataset has no sample with one of the indices
 */
export function gather(dataset: Dataset, indices: SampleOrder, inputsOut: InputArray, targetsOut: TargetArray): void {
  const { inputs, inputShape } = dataset;
  const size = sizeOf(inputShape);
  for (let row = 0; row < indices.length; row++) {
    checkSample(dataset, indices[row]);
    targetAt(dataset, indices[row], targetsOut, row);
  }
  if (inputs instanceof Float32Array) {
    for (let row = 0; row < indices.length; row++) copyRow(inputs, indices[row] * size, inputsOut, row * size, size);
  } else if (inputsOut instanceof Float32Array) {
    for (let row = 0; row < indices.length; row++) greyRow(inputs, indices[row] * size, inputsOut, row * size, size);
  } else {
    copyPixels(inputs, indices, inputsOut, size);
  }
}

/**
 * Copies samples of bytes, eight bytes at a time if sizes and addresses allow it. This loop is separate so that the compiler sees only one
 * type of array.
 */
function copyPixels(from: Uint8Array, indices: SampleOrder, out: Uint8Array, size: number): void {
  const bytes = BigUint64Array.BYTES_PER_ELEMENT;
  if ([size, from.byteOffset, out.byteOffset].some((offset) => offset % bytes !== 0)) {
    for (let row = 0; row < indices.length; row++) copyRow(from, indices[row] * size, out, row * size, size);
    return;
  }
  const [source, target] = [from, out].map((array) => new BigUint64Array(array.buffer, array.byteOffset, Math.floor(array.length / bytes)));
  const words = size / bytes;
  for (let row = 0; row < indices.length; row++) {
    const [start, end] = [indices[row] * words, (indices[row] + 1) * words];
    for (let i = start, o = row * words; i < end; i++, o++) target[o] = source[i];
  }
}

function checkSample({ length }: Dataset, sample: number): void {
  if (!(sample >= 0 && sample < length)) throw new ArgumentError(`sample ${sample} does not exist: the dataset has ${length}`);
}

/** Copies one sample's input into `out`, from `offset` on. Pixels become x / 255. @throws ArgumentError if there is no such sample */
export function inputAt(dataset: Dataset, sample: number, out: Float32Array, offset: number): void {
  checkSample(dataset, sample);
  const { inputs, inputShape } = dataset;
  const size = sizeOf(inputShape);
  if (inputs instanceof Float32Array) copyRow(inputs, sample * size, out, offset, size);
  else greyRow(inputs, sample * size, out, offset, size);
}

/** Copies one sample's target into row `row` of `out`. */
export function targetAt({ target, targets }: Dataset, sample: number, out: TargetArray, row: number): void {
  const size = targetSize(target);
  copyRow(targets, sample * size, out, row * size, size);
}

function greyRow(from: Uint8Array, start: number, out: Float32Array, offset: number, size: number): void {
  for (let i = 0; i < size; i++) out[offset + i] = grey[from[start + i]];
}

function copyRow(from: Dataset['targets'], start: number, out: InputArray | TargetArray, offset: number, size: number): void {
  for (let i = 0; i < size; i++) out[offset + i] = from[start + i];
}

/** Returns the size of the dataset's arrays in bytes, 0 for null. */
export function bytesOf(dataset: Dataset | null): number {
  return dataset === null ? 0 : dataset.inputs.byteLength + dataset.targets.byteLength;
}
