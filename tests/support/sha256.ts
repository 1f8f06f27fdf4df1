// The digest of an array's bytes, to compare long results with stored ones.
import { createHash } from 'node:crypto';

export function sha256(array: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    .digest('hex');
}
