// Frees the memory of large files at once. The garbage collector would free it later, and until then the training process would hold more
// memory than was estimated for its job.

/**
 * Frees the bytes, which cannot be read afterwards. Safe to repeat. Does nothing if their buffer also has other bytes: then the garbage
 * collector frees it later.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  if (byteLength > 0 && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
