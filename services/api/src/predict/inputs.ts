// The samples of a prediction as its body has them, nested lists of numbers, made flat; and where they are not of the shape that the
// network takes.
import { type DatasetDescription, formatShape } from '@trainyard/engine';
import { ProblemError } from '../problems.ts';

/** Samples of one request. */
export const mostInputs = 256;

/** The largest pixel. A little more than 1, because clients may round. */
const mostPixel = 1 + 1e-6;

/** @throws ProblemError 422 that names the place, the shape that is there and the one that is needed */
export function flatInputs(
  inputs: readonly unknown[],
  { inputShape, inputType }: Pick<DatasetDescription, 'inputShape' | 'inputType'>,
): Float32Array {
  const size = inputShape.reduce((product, length) => product * length, 1);
  const values = new Float32Array(inputs.length * size);
  let next = 0;
  const write = (value: unknown, depth: number, path: string): void => {
    if (depth === inputShape.length) {
      if (typeof value !== 'number') throw wrong(path, `expected a number, got ${nameOf(value)}`);
      if (inputType === 'uint8' && !(value >= 0 && value <= mostPixel)) {
        throw wrong(path, `expected a pixel from 0 to 1, got ${value}: divide pixels from 0 to 255 by 255`, 'outOfRange');
      }
      values[next++] = value;
      return;
    }
    const length = inputShape[depth] ?? 0;
    if (!Array.isArray(value)) {
      throw wrong(path, `expected a list of ${length}, got ${nameOf(value)}: an input is of shape ${formatShape(inputShape)}`);
    }
    if (value.length !== length) {
      const sample = inputs[Number(path.split('/')[2])];
      throw wrong(
        path,
        `expected a list of ${length}, got ${value.length}: an input is of shape ${formatShape(inputShape)}, this one of ${formatShape(shapeOf(sample))}`,
      );
    }
    value.forEach((inner, i) => write(inner, depth + 1, `${path}/${i}`));
  };
  inputs.forEach((input, i) => write(input, 0, `/inputs/${i}`));
  return values;
}

/** As its first elements have it. */
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
