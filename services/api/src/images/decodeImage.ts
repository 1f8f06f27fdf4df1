// Decodes image files with sharp (libvips), for uploads and predictions. Images are rotated by their EXIF data, get a white background,
// sRGB colours and 8 bits per channel. CMYK without a profile and transparency are converted here, because sharp converts them differently
// from Pillow and browsers.
import type { DecodedImage, NamedBytes } from '@trainyard/engine/data';
import { DataFormatError, imageFormatOf } from '@trainyard/engine/uploads';
import type { Metadata, Sharp } from 'sharp';
import { decodePlainPng } from './plainPng.ts';

/** The sharp library, loaded when it is first needed: most uploads have no image that needs it. */
let loading: ReturnType<typeof loadSharp> | undefined;

async function loadSharp() {
  const { default: sharp } = await import('sharp');
  // One thread per image and no cache, to bound the memory.
  sharp.concurrency(1);
  sharp.cache(false);
  return sharp;
}

/** The grey value of the background under transparent pixels: white. */
const BACKGROUND = 255;

/** Options of sharp: damaged pixels are an error, but warnings of the decoder are not. */
const reading = { failOn: 'error', autoOrient: true, limitInputPixels: false } as const;

/**
 * Decodes a PNG, JPEG, WebP, GIF (its first frame), TIFF (its first page) or AVIF file. A grey file gives a grey image.
 * @param maxPixels an image with more pixels is refused before it is decompressed
 * @param checkSize called with the size after the rotation, before the image is decompressed; throws to refuse it. It is not called for
 *   the small files that plainPng.ts decodes
 * @throws DataFormatError if the image cannot be used. The message names the file and says why
 */
export async function decodeImage(
  file: NamedBytes,
  maxPixels: number,
  checkSize: (size: ImageSize) => void = () => {},
): Promise<DecodedImage> {
  const { name, bytes } = file;
  const format = imageFormatOf(file);
  const plain = format === 'png' ? decodePlainPng(bytes) : null;
  if (plain !== null && plain.width * plain.height <= maxPixels) {
    return { ...plain, isRotated: false, isTransparent: false, isConverted: false };
  }
  const sharp = await (loading ??= loadSharp());
  try {
    const metadata = await sharp(bytes, reading).metadata();
    checkPixels(name, metadata, maxPixels);
    checkSize(metadata.autoOrient);
    if (!['uchar', 'ushort'].includes(metadata.depth)) {
      throw new DataFormatError(`${name}: its values are ${metadata.depth}, expected 8 or 16 bits per channel: save it as PNG`);
    }
    const isNaive = metadata.space === 'cmyk' && !metadata.hasProfile;
    const isConverted = metadata.hasProfile && !isSrgb(metadata);
    const { data, info } = await rawOf(sharp(bytes, { ...reading, ignoreIcc: !isConverted }), isNaive).toBuffer({
      resolveWithObject: true,
    });
    const isGrey = metadata.space === 'b-w' || metadata.space === 'grey16';
    return {
      ...coloursOf({ width: info.width, height: info.height, channels: info.channels, data }, isGrey, isNaive),
      isRotated: (metadata.orientation ?? 1) > 1,
      isConverted,
    };
  } catch (error) {
    if (error instanceof DataFormatError) throw error;
    throw new DataFormatError(`${name} is a damaged ${format.toUpperCase()} file: ${reasonOf(error)}`, { cause: error });
  }
}

/** The size of an image, in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Returns the message of libvips without its internal names. */
function reasonOf(error: unknown): string {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
  const reason = line
    .replace(/^Input buffer [a-z ]+:?/, '')
    .replace(/^\s*vips\w*:\s*/i, '')
    .trim();
  return reason === '' ? 'its header cannot be read' : reason;
}

function checkPixels(name: string, { width, height, pageHeight }: Metadata, maxPixels: number): void {
  const rows = pageHeight ?? height;
  if (width * rows <= maxPixels) return;
  throw new DataFormatError(`${name}: an image of ${width}×${rows} has ${width * rows} pixels, which is over the limit of ${maxPixels}`);
}

/** Returns whether the colour profile names sRGB. Such an image is not converted, because a conversion would only round its values. */
const isSrgb = ({ icc }: Metadata): boolean => icc !== undefined && /srgb/i.test(icc.toString('latin1').replaceAll('\0', ''));

const rawOf = (image: Sharp, isNaive: boolean): Sharp =>
  (isNaive ? image.pipelineColourspace('cmyk').toColourspace('cmyk') : image.toColourspace('srgb')).raw({ depth: 'uchar' });

/** Pixels that sharp decoded. The channels of a pixel are next to each other. */
interface Raw {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

function coloursOf(
  { width, height, channels, data }: Raw,
  isGrey: boolean,
  isNaive: boolean,
): Omit<DecodedImage, 'isRotated' | 'isConverted'> {
  const pixels = width * height;
  const wanted = isGrey ? 1 : 3;
  if (channels === wanted) return { width, height, channels: wanted, data, isTransparent: false };
  const out = new Uint8Array(pixels * wanted);
  const alpha = isNaive || channels % 2 === 1 ? null : channels - 1;
  let isTransparent = false;
  for (let i = 0; i < pixels; i++) {
    const from = i * channels;
    const opacity = alpha === null ? 255 : data[from + alpha];
    isTransparent ||= opacity < 255;
    for (let channel = 0; channel < wanted; channel++) {
      const value = isNaive ? withoutInk(data[from + channel], data[from + 3]) : data[from + (channels < 3 ? 0 : channel)];
      out[i * wanted + channel] = over(value, opacity);
    }
  }
  return { width, height, channels: wanted, data: out, isTransparent };
}

/** Converts one CMYK ink and black to a value of an RGB channel. Pillow and browsers convert CMYK images without a profile in this way. */
const withoutInk = (ink: number, black: number): number => Math.max(0, 255 - black - divide255(ink * (255 - black)));

/** Returns a channel value after its pixel is drawn over the background, rounded to the nearest integer. */
const over = (value: number, opacity: number): number => divide255(value * opacity + BACKGROUND * (255 - opacity));

/** Returns x / 255, rounded to the nearest integer. x may be at most 255². */
const divide255 = (x: number): number => Math.floor((x + 128 + ((x + 128) >> 8)) / 256);
