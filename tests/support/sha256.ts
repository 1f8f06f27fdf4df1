// A fingerprint of an array's bytes, for comparing long results with ones computed elsewhere.
import { createHash } from 'node:crypto';

export function sha256(array: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    .digest('hex');
}
