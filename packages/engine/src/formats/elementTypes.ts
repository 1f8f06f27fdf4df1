// The kinds of numbers that weight files hold, under the names that safetensors gives them: their size, how they become typed
// arrays, and which of their values no network can use.
import { show } from '../validation.ts';

/** Bytes of one number. */
export const elementBytes = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8 } as const;
export type ElementType = keyof typeof elementBytes;
export const elementTypes = ['F64', 'F32', 'F16', 'BF16', 'I64'] as const satisfies readonly ElementType[];

/** For messages: `F64, F32, F16, BF16 or I64`. */
export const elementTypesListed = `${elementTypes.slice(0, -1).join(', ')} or ${elementTypes.at(-1)}`;

export const isElementType = (type: string): type is ElementType => elementTypes.some((known) => known === type);

/** The largest count that a network keeps: counters such as `num_batches_tracked` are int32 in memory. */
const MOST_COUNTED = 2 ** 31 - 1;

/** Whether a tensor counts something and is not learned, by its name. */
export const isCounter = (name: string): boolean => /(^|\.)num_batches_tracked$/.test(name);

/** The exact value of an IEEE 754 half-precision number. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The numbers in these bytes, as a copy. Half precision becomes float32, which holds each of its values exactly. */
export function decodeElements(type: ElementType, bytes: Uint8Array): Float32Array | Float64Array | BigInt64Array {
  // A copy in any case: the slice() of a Node Buffer would be none, and numbers must be aligned.
  const { buffer } = new Uint8Array(bytes);
  switch (type) {
    case 'F64':
      return new Float64Array(buffer);
    case 'F32':
      return new Float32Array(buffer);
    case 'I64':
      return new BigInt64Array(buffer);
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer), halfValue);
    case 'BF16':
      // The upper half of a float32.
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits * 65_536).buffer);
  }
}

/**
 * The first number that a network of float32 cannot begin with: one that is not finite, or is not once it is a float32; of a
 * counter one that is negative or too large.
 * @param bytes whole numbers of this type
 * @returns its index and a sentence's end about it, or null when all can be used
 */
export function firstUnusable(
  name: string,
  type: ElementType,
  bytes: Uint8Array,
): { readonly index: number; readonly what: string } | null {
  const numbers = decodeElements(type, bytes);
  if (numbers instanceof BigInt64Array) {
    if (!isCounter(name)) return null;
    const index = numbers.findIndex((count) => count < 0n || count > BigInt(MOST_COUNTED));
    return index === -1 ? null : { index, what: `${show(numbers[index])}, and a count is from 0 to ${MOST_COUNTED}` };
  }
  for (let index = 0; index < numbers.length; index++) {
    const value = numbers[index];
    if (Number.isFinite(Math.fround(value))) continue;
    return { index, what: Number.isFinite(value) ? `${value}, which is too large for float32` : String(value) };
  }
  return null;
}
