// Argument checks that every public function of the engine makes before it computes. Wrong and unknown arguments are refused with a
// remedy, and none is ignored. Classes check their options by their schemas (registry.ts).
import { ArgumentError } from './errors.ts';
import type { Shape } from './shape.ts';
import { nearest, show } from './validation.ts';

/** Returns whether a value is a plain object. Lists, tensors and other instances of classes are not plain objects. */
export function isOptions(given: unknown): given is Readonly<Record<string, unknown>> {
  if (typeof given !== 'object' || given === null) return false;
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/**
 * Checks the options of a function.
 * @param owner the function, for the message: `mseLoss`
 * @param known the names of its options, the most common one first
 * @throws ArgumentError if `given` is not an object of options
 * @throws ArgumentError if an option is unknown
 */
export function checkOptions(owner: string, given: unknown, known: readonly string[]): void {
  if (!isOptions(given)) throw notOptions(owner, given, known[0]);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    throw new ArgumentError(
      `${owner}: unknown option ${show(name)}: ${near === null ? `known are ${known.join(', ')}` : `did you mean "${near}"?`}`,
    );
  }
}

/** Returns the error for an argument that is not an object of options. */
export function notOptions(owner: string, given: unknown, option: string): ArgumentError {
  const isValue = typeof given === 'number' || typeof given === 'boolean' || typeof given === 'string';
  return new ArgumentError(`${owner}: options are an object such as { ${option}: ${isValue ? show(given) : '…'} }, got ${show(given)}`);
}

/** @throws ArgumentError unless the shape is a list of whole numbers of at least 0 */
export function checkShape(owner: string, shape: unknown): asserts shape is Shape {
  if (!Array.isArray(shape)) {
    const remedy = typeof shape === 'number' ? `: use [${shape}]` : '';
    throw new ArgumentError(`${owner}: a shape is a list such as [2, 3], got ${show(shape)}${remedy}`);
  }
  const wrong: unknown = shape.find((size) => !Number.isSafeInteger(size) || size < 0);
  if (wrong !== undefined)
    throw new ArgumentError(`${owner}: the sizes of a shape must be whole numbers of at least 0, got ${show(wrong)}`);
}

/** @throws ArgumentError if the value is not a number. NaN and infinities are accepted */
export function checkNumber(owner: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') throw new ArgumentError(`${owner}: expected a number, got ${show(value)}`);
}
