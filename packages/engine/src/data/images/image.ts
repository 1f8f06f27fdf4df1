// An image file in memory and the pixels in it, for the decoders beside this file. They judge a file by what it begins
// with, not by its name.
import { DataFormatError } from '../errors.ts';
import type { NamedBytes } from '../files.ts';
import { decodeJpeg, isJpeg } from './jpeg.ts';
import { decodePng, isPng } from './png.ts';

/** Pixels of 8 bits, row by row, the channels of each together. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Grey, or red, green and blue. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/**
 * The pixels of a PNG or JPEG file.
 * @param maxPixels an image with more is refused before anything is unpacked
 * @throws DataFormatError that names the file and what is wrong with it.
 */
export function decodeImage(file: NamedBytes, maxPixels: number): Pixels {
  if (isPng(file.bytes)) return decodePng(file, maxPixels);
  if (isJpeg(file.bytes)) return decodeJpeg(file, maxPixels);
  throw new DataFormatError(`${file.name}: neither a PNG nor a JPEG file`);
}
