// Encodes images that the program draws as PNG files, such as filters and contact sheets.
import { encode } from 'fast-png';
import type { Pixels } from './image.ts';

/** Returns a PNG file of these pixels, with 8 bits per channel. */
export function encodePng({ width, height, channels, data }: Pixels): Uint8Array {
  return encode({ width, height, channels, depth: 8, data });
}
