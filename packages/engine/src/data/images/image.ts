// The pixels of an image, and the interface of an image decoder. The caller provides the decoder, so that the engine stays small and runs
// in browsers.
import { DataFormatError } from '../errors.ts';
import { fileKind, KIND_HEAD_BYTES, shownBytes } from '../fileKinds/index.ts';
import type { NamedBytes } from '../files.ts';
import { looksLikeText } from '../table/encoding.ts';

/** Pixels with 8 bits per channel, row by row. The channels of a pixel are next to each other. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** The number of channels. 1: grey; 3: red, green and blue. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** The pixels of a decoded image, and the changes that the decoder made. */
export interface DecodedImage extends Pixels {
  /** Whether the image was turned upright, as its EXIF data says. */
  readonly isRotated: boolean;
  /** Whether the image had transparent pixels, which are now on a white background. */
  readonly isTransparent: boolean;
  /** Whether the colours were converted to sRGB from the colour profile in the file. */
  readonly isConverted: boolean;
}

/**
 * Decodes an image file.
 * @param maxPixels the maximum number of pixels of an image. A larger image is refused before it is decompressed
 * @throws DataFormatError if the file cannot be decoded or has too many pixels. The message has the file's name and the reason
 */
export type ImageDecoder = (file: NamedBytes, maxPixels: number) => Promise<DecodedImage>;

/** The formats that a decoder reads. They are ids of file kinds. */
const imageFormats = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** The formats that are read, for messages. */
export const readImageFormats = 'PNG, JPEG, WebP, GIF, TIFF and AVIF';

/**
 * Returns the format of an image file, recognised by its first bytes.
 * @throws DataFormatError if the file is not an image of these formats. The message says what the file is and what to send instead
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
