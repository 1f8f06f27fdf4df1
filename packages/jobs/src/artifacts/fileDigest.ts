// Digests of whole files, read through buffers that are kept. New ones for each file would be memory outside of JavaScript's heap,
// and a worker that stores many small files would spend half of its time having that collected.
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

const BUFFER_BYTES = 256 * 1024;

/** As many as files were ever read at the same time. */
const spareBuffers: Buffer[] = [];

/** Digests of what the file holds from its current position on, one for each algorithm, as raw bytes. */
export async function digestsOf(file: FileHandle, algorithms: readonly string[]): Promise<Buffer[]> {
  const hashes = algorithms.map((algorithm) => createHash(algorithm));
  const buffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, BUFFER_BYTES, null);
      if (bytesRead === 0) return hashes.map((hash) => hash.digest());
      const chunk = buffer.subarray(0, bytesRead);
      for (const hash of hashes) hash.update(chunk);
    }
  } finally {
    spareBuffers.push(buffer);
  }
}
