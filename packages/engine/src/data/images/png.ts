// PNG files of what the program draws: filters, contact sheets.
import { encode } from 'fast-png';
import type { Pixels } from './image.ts';

/** A PNG file of 8 bits a channel with these pixels. */
export function encodePng({ width, height, channels, data }: Pixels): Uint8Array {
  return encode({ width, height, channels, depth: 8, data });
}
