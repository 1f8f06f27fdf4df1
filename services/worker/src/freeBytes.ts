// Frees the memory of large files at once. The garbage collector would free it later, and until then the training process would hold more
// memory than was estimated for its job.

/**
 * Frees the bytes. They cannot be read any more. Safe to repeat. Does nothing if the bytes share their buffer with others: the garbage
 * collector frees those.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  if (byteLength > 0 && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
