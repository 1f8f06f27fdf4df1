// Converts the samples of a prediction request from nested lists of numbers to one flat array.
import { formatShape } from '@trainyard/engine';
import type { DatasetDescription } from '@trainyard/engine/data';
import { ProblemError } from '../problems.ts';

/** The most samples in one request. */
export const mostInputs = 256;

/** The largest allowed pixel value: slightly above 1, because clients may round. */
const mostPixel = 1 + 1e-6;

type Form = Pick<DatasetDescription, 'inputShape' | 'inputType'>;

/**
 * Returns the samples as one flat array. All of them are checked before the array is allocated.
 * @throws ProblemError 422 if a sample has a wrong shape or value. The message says where, and which shape is expected
 */
export function flatInputs(inputs: readonly unknown[], form: Form): Float32Array {
  /** The indices of the current value, from the sample inwards. */
  const place: number[] = [];
  inputs.forEach((sample, index) => {
    place[0] = index;
    check(sample, sample, form, 0, place);
  });
  const size = form.inputShape.reduce((product, length) => product * length, 1);
  const values = new Float32Array(inputs.length * size);
  let next = 0;
  const write = (value: unknown): void => {
    if (Array.isArray(value)) for (const inner of value) write(inner);
    else values[next++] = value as number;
  };
  for (const sample of inputs) write(sample);
  return values;
}

/** Checks a value at a depth of a sample. `place` is converted to text only for an error, to save time. */
function check(value: unknown, sample: unknown, { inputShape, inputType }: Form, depth: number, place: number[]): void {
  const path = (): string => ['/inputs', ...place.slice(0, depth + 1)].join('/');
  if (depth === inputShape.length) {
    if (typeof value !== 'number') throw wrong(path(), `expected a number, got ${nameOf(value)}`);
    if (inputType === 'uint8' && !(value >= 0 && value <= mostPixel)) {
      throw wrong(path(), `expected a pixel from 0 to 1, got ${value}: divide pixels from 0 to 255 by 255`, 'outOfRange');
    }
    return;
  }
  const length = inputShape[depth] ?? 0;
  if (!Array.isArray(value)) {
    throw wrong(path(), `expected a list of ${length}, got ${nameOf(value)}: the shape of an input is ${formatShape(inputShape)}`);
  }
  if (value.length !== length) {
    throw wrong(
      path(),
      `expected a list of ${length}, got ${value.length}: the shape of an input is ${formatShape(inputShape)}, and this input has ${formatShape(shapeOf(sample))}`,
    );
  }
  for (let i = 0; i < length; i++) {
    place[depth + 1] = i;
    check(value[i], sample, { inputShape, inputType }, depth + 1, place);
  }
}

/** Returns the shape of nested lists, judged by their first elements. */
function shapeOf(value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return value === null ? 'null' : `a ${typeof value}`;
}

function wrong(path: string, message: string, code = 'shapeMismatch'): ProblemError {
  return new ProblemError('invalidRequest', `${path}: ${message}.`, { issues: [{ path, message, code }] });
}
