// The pixels of an image, and the interface of an image decoder. The caller provides the decoder, so that the engine stays small and runs
// in browsers.
import { DataFormatError } from '../errors.ts';
import { fileKind, KIND_HEAD_BYTES, shownBytes } from '../fileKinds/index.ts';
import type { NamedBytes } from '../files.ts';
import { looksLikeText } from '../table/encoding.ts';

/** The size of an image, in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Pixels with 8 bits per channel, row by row. The channels of a pixel are next to each other. */
export interface Pixels extends ImageSize {
  /** The number of channels. 1: grey; 3: red, green and blue. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** Red, green and blue, each from 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** The pixels of a decoded image, and the changes that the decoder made. */
export interface DecodedImage extends Pixels {
  /** Whether the image was turned upright, as its EXIF data says. */
  readonly isRotated: boolean;
  /** Whether the image had transparent pixels, which are now on the background. */
  readonly isTransparent: boolean;
  /** Whether the colours were converted to sRGB from the colour profile in the file. */
  readonly isConverted: boolean;
}

export interface DecodingOptions {
  /** The colour under transparent pixels. Default: white */
  readonly background?: Colour;
  /**
   * If set, the decoder may reduce a large image while it decodes it, but not below this size. Default: the pixels are those of the file.
   */
  readonly atLeast?: ImageSize;
}

/** An image whose header was read. Its size is the size after it is turned upright. */
export interface OpenedImage extends ImageSize {
  /** Whether the file stores colours, not only grey values. */
  readonly isColour: boolean;
  /** @throws DataFormatError if the pixels are damaged. The message has the file's name and the reason */
  decode(options?: DecodingOptions): Promise<DecodedImage>;
}

/**
 * Reads the header of an image file.
 * @param maxPixels the maximum number of pixels of an image. A larger image is refused before it is decompressed
 * @throws DataFormatError if the file is not an image that can be decoded, or has too many pixels. The message has the file's name and the
 *   reason
 */
export type ImageOpener = (file: NamedBytes, maxPixels: number) => Promise<OpenedImage>;

/** The formats that a decoder reads. They are ids of file kinds. */
const imageFormats = ['png', 'jpeg', 'webp', 'gif', 'bmp', 'tiff', 'avif'] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** The formats that are read, for messages. */
export const readImageFormats = 'PNG, JPEG, WebP, GIF, BMP, TIFF and AVIF';

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

/** Returns the image in grey: ITU-R 601-2, as in Pillow. Returns a grey image as it is. */
export function inGrey(image: Pixels): Pixels {
  const { width, height, channels, data } = image;
  if (channels === 1) return image;
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) grey[i] = luma(data[3 * i], data[3 * i + 1], data[3 * i + 2]);
  return { width, height, channels: 1, data: grey };
}

/** Returns 0.299 red + 0.587 green + 0.114 blue, computed with 16 fractional bits and rounded. */
export const luma = (red: number, green: number, blue: number): number => (19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16;

/** Returns the image with three channels. Each grey value becomes three equal values. */
export function inColour(image: Pixels): Pixels {
  const { width, height, channels, data } = image;
  if (channels === 3) return image;
  const colours = new Uint8Array(3 * data.length);
  for (let i = 0; i < data.length; i++) colours.fill(data[i], 3 * i, 3 * i + 3);
  return { width, height, channels: 3, data: colours };
}

/** Converts interleaved channels to one plane per channel. */
export function writePlanes({ width, height, channels, data }: Pixels, out: Uint8Array, offset: number): void {
  const plane = width * height;
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < plane; i++) out[offset + channel * plane + i] = data[i * channels + channel];
  }
}
