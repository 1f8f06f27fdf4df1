// Writes the lists of dimensions that kernels read: records of int32, innermost dimension first. Dimensions of size 1 are left out, and
// neighbouring dimensions that can be read in one loop are merged.
import type { Shape } from '../../shape.ts';

/**
 * Returns the size of an operand in dimension `dim` of a result with `rank` dimensions; 1 for a dimension that the operand does not have.
 */
const sizeIn = (shape: Shape, dim: number, rank: number): number => shape[dim - rank + shape.length] ?? 1;

/**
 * Writes the records (size, step of a, step of b) of a broadcast result. Steps are in elements.
 * @returns the number of records, at least 1
 */
export function writeBinaryDimensions(words: Int32Array, at: number, aShape: Shape, bShape: Shape, outShape: Shape): number {
  let end = at;
  let strideA = 1;
  let strideB = 1;
  for (let dim = outShape.length - 1; dim >= 0; dim--) {
    const size = outShape[dim];
    const sizeA = sizeIn(aShape, dim, outShape.length);
    const sizeB = sizeIn(bShape, dim, outShape.length);
    const stepA = sizeA === 1 ? 0 : strideA;
    const stepB = sizeB === 1 ? 0 : strideB;
    strideA *= sizeA;
    strideB *= sizeB;
    if (size === 1) continue;
    const previous = words[end - 3];
    if (end > at && stepA === words[end - 2] * previous && stepB === words[end - 1] * previous) {
      words[end - 3] = previous * size;
    } else {
      words[end] = size;
      words[end + 1] = stepA;
      words[end + 2] = stepB;
      end += 3;
    }
  }
  if (end === at) {
    words[end] = 1;
    words[end + 1] = 1;
    words[end + 2] = 1;
    end += 3;
  }
  return (end - at) / 3;
}

/**
 * Writes the records (size, step) for reading an array with any steps. `shape` and `steps` begin with the outermost dimension.
 * @returns the number of records, at least 1
 */
export function writeSteps(words: Int32Array, at: number, shape: Shape, steps: readonly number[]): number {
  let end = at;
  for (let dim = shape.length - 1; dim >= 0; dim--) end = addStep(words, at, end, shape[dim], steps[dim]);
  return atLeastOne(words, at, end);
}

/**
 * Writes the records (size, step) of some dimensions of a dense array of `shape`. If `kept`, these are the dimensions that `target` keeps;
 * otherwise, the dimensions that are summed.
 * @returns the number of records; at least 1 for the summed dimensions
 */
export function writeSummed(words: Int32Array, at: number, shape: Shape, target: Shape, kept: boolean): number {
  let end = at;
  let stride = 1;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    if ((sizeIn(target, dim, shape.length) !== 1) === kept) end = addStep(words, at, end, shape[dim], stride);
    stride *= shape[dim];
  }
  return kept ? (end - at) / 2 : atLeastOne(words, at, end);
}

function addStep(words: Int32Array, at: number, end: number, size: number, step: number): number {
  if (size === 1) return end;
  if (end > at && step === words[end - 1] * words[end - 2]) {
    words[end - 2] *= size;
    return end;
  }
  words[end] = size;
  words[end + 1] = step;
  return end + 2;
}

function atLeastOne(words: Int32Array, at: number, end: number): number {
  if (end > at) return (end - at) / 2;
  words[at] = 1;
  words[at + 1] = 1;
  return 1;
}
