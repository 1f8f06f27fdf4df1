// Reads the number types of weight files, by their names in safetensors: gives their sizes, converts bytes to typed arrays, and finds
// values that a network cannot use.
/** The bytes of one number, by type. */
export const elementBytes = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8 } as const;
export type ElementType = keyof typeof elementBytes;
export const elementTypes = ['F64', 'F32', 'F16', 'BF16', 'I64'] as const satisfies readonly ElementType[];

/** The types as text for messages: `F64, F32, F16, BF16 or I64`. */
export const elementTypesListed = `${elementTypes.slice(0, -1).join(', ')} or ${elementTypes.at(-1)}`;

export const isElementType = (type: string): type is ElementType => elementTypes.some((known) => known === type);

/** The largest value of a counter such as `num_batches_tracked`, which is int32 in memory. */
const MOST_COUNTED = 2 ** 31 - 1;

/** Returns whether the tensor of this name is a counter. Counters are not learned. */
export const isCounter = (name: string): boolean => /(^|\.)num_batches_tracked$/.test(name);

/** Returns the exact value of an IEEE 754 half-precision number. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Returns a copy of the numbers in these bytes. Half precision becomes float32, which represents all its values exactly. */
export function decodeElements(type: ElementType, bytes: Uint8Array): Float32Array | Float64Array | BigInt64Array {
  // Always a copy, because numbers must be aligned, and slice() of a Node Buffer does not copy.
  const { buffer } = new Uint8Array(bytes);
  if (type === 'F64') return new Float64Array(buffer);
  if (type === 'F32') return new Float32Array(buffer);
  if (type === 'I64') return new BigInt64Array(buffer);
  const halves = new Uint16Array(buffer);
  // A BF16 number is the upper half of a float32 number.
  if (type === 'BF16') return new Float32Array(Uint32Array.from(halves, (bits) => bits * 65_536).buffer);
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) values[i] = halfValue(halves[i]);
  return values;
}

/**
 * Finds the first number that a float32 network cannot start with: a number that is not finite in float32. In a counter it is a number that
 * is negative or too large.
 * @param bytes whole numbers of this type
 * @returns the number's index and a description, or null if all numbers can be used
 */
export function firstUnusable(
  name: string,
  type: ElementType,
  bytes: Uint8Array,
): { readonly index: number; readonly what: string } | null {
  const index = indexOfUnusable(name, type, bytes);
  if (index === -1) return null;
  const [value] = decodeElements(type, bytes.subarray(index * elementBytes[type], (index + 1) * elementBytes[type]));
  if (typeof value === 'bigint') return { index, what: `${value}, but a counter must be from 0 to ${MOST_COUNTED}` };
  return { index, what: Number.isFinite(value) ? `${value}, which is too large for float32` : String(value) };
}

/**
 * Returns the index of the first number that is not usable, or -1 if all are usable. It does not call {@link decodeElements}, because files
 * have hundreds of millions of numbers.
 */
function indexOfUnusable(name: string, type: ElementType, bytes: Uint8Array): number {
  const aligned = bytes.byteOffset % elementBytes[type] === 0 ? bytes : new Uint8Array(bytes);
  const place = [aligned.buffer, aligned.byteOffset, aligned.length / elementBytes[type]] as const;
  if (type === 'I64') {
    return isCounter(name) ? new BigInt64Array(...place).findIndex((count) => count < 0n || count > BigInt(MOST_COUNTED)) : -1;
  }
  if (type === 'F64') {
    const values = new Float64Array(...place);
    for (let i = 0; i < values.length; i++) if (!Number.isFinite(Math.fround(values[i]))) return i;
    return -1;
  }
  // A number is not finite if all bits of its exponent are set.
  const exponent = { F32: 0x7f800000, F16: 0x7c00, BF16: 0x7f80 }[type];
  const bits = type === 'F32' ? new Uint32Array(...place) : new Uint16Array(...place);
  for (let i = 0; i < bits.length; i++) if ((bits[i] & exponent) === exponent) return i;
  return -1;
}
