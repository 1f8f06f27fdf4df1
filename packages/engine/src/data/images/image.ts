// The pixels of an image, and the interface of an image decoder. The caller provides the decoder, so that the engine stays small and runs
// in browsers.
import { DataFormatError } from '../errors.ts';
import { fileKind, KIND_HEAD_BYTES, shownBytes } from '../fileKinds/index.ts';
import type { NamedBytes } from '../files.ts';
import { looksLikeText } from '../table/encoding.ts';

/** Pixels of 8 bits, row by row, the channels of each together. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Grey, or red, green and blue. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** What was done to an image to get its pixels. */
export interface DecodedImage extends Pixels {
  /** Its orientation in EXIF data was applied. */
  readonly isRotated: boolean;
  /** It has transparent pixels, which now lie on white. */
  readonly isTransparent: boolean;
  /** Its colours were converted from a profile of its own to sRGB. */
  readonly isConverted: boolean;
}

/**
 * Decodes an image file.
 * @param maxPixels an image with more is refused before it is unpacked
 * @throws DataFormatError that names the file and what is wrong with it
 */
export type ImageDecoder = (file: NamedBytes, maxPixels: number) => Promise<DecodedImage>;

/** The formats that a decoder reads, by the ids of their kinds. */
const imageFormats = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** For messages. */
export const readImageFormats = 'PNG, JPEG, WebP, GIF, TIFF and AVIF';

/**
 * The format of an image file, by its first bytes.
 * @throws DataFormatError for a file of another kind, which it names with a remedy
 */
export function imageFormatOf({ name, bytes }: NamedBytes): ImageFormat {
  const head = bytes.subarray(0, KIND_HEAD_BYTES);
  const kind = fileKind(head);
  const format = imageFormats.find((id) => id === kind?.id);
  if (format !== undefined) return format;
  if (kind?.group === 'image') throw new DataFormatError(`${name} is ${kind.name}, which is not read: ${kind.remedy}`);
  if (head.length === 0) throw new DataFormatError(`${name} is empty: it has 0 bytes`);
  const what = kind?.name ?? (looksLikeText(head) ? 'text' : `of no known kind (its first bytes are ${shownBytes(head)})`);
  throw new DataFormatError(`${name} is ${what}, not an image: images are ${readImageFormats}`);
}

/** Converts interleaved channels to one plane per channel. */
export function writePlanes({ width, height, channels, data }: Pixels, out: Uint8Array, offset: number): void {
  const plane = width * height;
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < plane; i++) out[offset + channel * plane + i] = data[i * channels + channel];
  }
}
