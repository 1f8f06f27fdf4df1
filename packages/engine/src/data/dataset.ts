// One split of a dataset in memory: plain objects and typed arrays, so that a thread can be handed one. It knows no
// files and no batches' order, and imports nothing heavy: loader threads start with it.
import { ArgumentError } from '../errors.ts';
import { type Shape, sizeOf } from '../shape.ts';

/** What a sample's target is: one of a list of classes, or an array of values. */
export type Target = { readonly kind: 'class'; readonly classes: readonly string[] } | { readonly kind: 'values'; readonly shape: Shape };

/** A split in memory. Its arrays may lie in SharedArrayBuffers. */
export interface Dataset {
  /** Number of samples. */
  readonly length: number;
  /** One sample's shape: [1, 28, 28]. */
  readonly inputShape: Shape;
  /** All samples, row-major. Bytes are pixels that are read as x / 255. */
  readonly inputs: InputArray;
  readonly target: Target;
  /** Class indices (bytes or int32), or all samples' values (float32), row-major. */
  readonly targets: Uint8Array | Int32Array | Float32Array;
}

/** A dataset's parts in memory. */
export interface Splits {
  readonly train: Dataset;
  readonly test: Dataset | null;
}

/** Targets of a batch: class indices or values. */
export type TargetArray = Int32Array | Float32Array;

/** Inputs of a batch, or of a dataset: pixels, which are read as x / 255, or values. */
export type InputArray = Uint8Array | Float32Array;

/** Indices of samples in the order in which to read them. */
export type SampleOrder = Uint32Array | Int32Array;

/** Values of one sample's target: 1 for a class. */
export function targetSize(target: Target): number {
  return target.kind === 'class' ? 1 : sizeOf(target.shape);
}

/** An array for the targets of `samples` samples, of the kind that {@link gather} writes. */
export function targetArray(target: Target, samples: number): TargetArray {
  const size = samples * targetSize(target);
  return target.kind === 'class' ? new Int32Array(size) : new Float32Array(size);
}

/** Zeroed bytes that threads share where the platform has such memory: a loader's thread then reads them where they lie. */
export function sharableBytes(length: number): Uint8Array {
  return new Uint8Array(typeof SharedArrayBuffer === 'undefined' ? new ArrayBuffer(length) : new SharedArrayBuffer(length));
}

/** The first `count` samples, or all if there are fewer; shares the arrays. */
export function take(dataset: Dataset, count: number): Dataset {
  if (count >= dataset.length) return dataset;
  return {
    ...dataset,
    length: count,
    inputs: dataset.inputs.subarray(0, count * sizeOf(dataset.inputShape)),
    targets: dataset.targets.subarray(0, count * targetSize(dataset.target)),
  };
}

/** x / 255 in float32 for each byte, as PyTorch's `.float() / 255` gives it: one correctly rounded division. */
const grey = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * Reads samples into a batch's arrays: sample `indices[i]` becomes row i. Pixels stay bytes in a Uint8Array and become x / 255 in a
 * Float32Array.
 * @param inputsOut at least indices.length × the sample's size; a Float32Array if the dataset's inputs are values
 * @param targetsOut the same for targets: Int32Array for classes, Float32Array for values
 * @throws ArgumentError for an index that is not a sample's
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

/** Rows of whole words eight bytes at a time, in a loop of their own that knows no other arrays. */
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

/** Reads one sample's input, pixels as x / 255, into `out` from `offset` on. @throws ArgumentError for no sample's index. */
export function inputAt(dataset: Dataset, sample: number, out: Float32Array, offset: number): void {
  checkSample(dataset, sample);
  const { inputs, inputShape } = dataset;
  const size = sizeOf(inputShape);
  if (inputs instanceof Float32Array) copyRow(inputs, sample * size, out, offset, size);
  else greyRow(inputs, sample * size, out, offset, size);
}

/** Reads one sample's target into row `row`. */
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

/** Bytes of its arrays. */
export function bytesOf(dataset: Dataset | null): number {
  return dataset === null ? 0 : dataset.inputs.byteLength + dataset.targets.byteLength;
}
