// Memory of large files, given back at once. The collector frees an array only when it comes to it, and until then a training process
// holds more than its job was admitted with.

/**
 * Frees the bytes, which nobody may read from here on. Safe to repeat. Bytes that share their buffer with others are left to the
 * collector.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  if (byteLength > 0 && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
