// Decodes image files for uploads and predictions, with sharp (libvips) or, for small PNG files and for BMP files, with code of our own.
// Images become upright, without transparency, with sRGB colours and 8 bits per channel.
import type { Colour, DecodedImage, DecodingOptions, ImageOpener, ImageSize, NamedBytes, OpenedImage } from '@trainyard/engine/data';
import { DataFormatError, imageFormatOf } from '@trainyard/engine/uploads';
import type { Metadata, Sharp } from 'sharp';
import { openBmp, UnreadBmpError } from './bmp.ts';
import { opaque, type RawColours } from './colours.ts';
import { upright, uprightSize } from './orientation.ts';
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

const white: Colour = [255, 255, 255];

/** Options of sharp: damaged pixels are an error, but warnings of the decoder are not. */
const reading = { failOn: 'error', limitInputPixels: false } as const;

/** Images with fewer pixels are never reduced while they are decoded: the resulting pixels are then exactly those of one filter. */
const FEWEST_REDUCED = 2 ** 22;
/** A reduction by less than this factor saves no time. */
const LEAST_REDUCTION = 1.5;

/**
 * Opens a PNG, JPEG, WebP, GIF (its first frame), BMP, TIFF (its first page) or AVIF file.
 * @param maxPixels an image with more pixels is refused before it is decompressed
 * @throws DataFormatError if the image cannot be used. The message names the file and says why
 */
export const openImage: ImageOpener = async (file, maxPixels) => {
  const format = imageFormatOf(file);
  const plain = format === 'png' ? decodePlainPng(file.bytes) : null;
  if (plain !== null && plain.width * plain.height <= maxPixels) {
    const unchanged = { isRotated: false, isTransparent: false, isConverted: false };
    return { width: plain.width, height: plain.height, isColour: plain.channels === 3, decode: async () => ({ ...plain, ...unchanged }) };
  }
  if (format === 'bmp') return await openedBmp(file, maxPixels);
  return await openedBySharp(file, format, maxPixels);
};

/**
 * Decodes an image file at once. A grey file gives a grey image.
 * @throws DataFormatError if the image cannot be used. The message names the file and says why
 */
export async function decodeImage(file: NamedBytes, maxPixels: number): Promise<DecodedImage> {
  return await (await openImage(file, maxPixels)).decode();
}

async function openedBmp({ name, bytes }: NamedBytes, maxPixels: number): Promise<OpenedImage> {
  const { width, height, colours, pixels } = await orDamaged(name, 'bmp', () => openBmp(bytes));
  checkPixels(name, { width, height }, maxPixels);
  return {
    width,
    height,
    isColour: colours !== 'grey',
    decode: async ({ background = white } = {}) => {
      const raw = await orDamaged(name, 'bmp', pixels);
      return { ...opaque(raw, colours, background), isRotated: false, isConverted: false };
    },
  };
}

async function openedBySharp({ name, bytes }: NamedBytes, format: string, maxPixels: number): Promise<OpenedImage> {
  const sharp = await (loading ??= loadSharp());
  const metadata = await orDamaged(name, format, async () => await sharp(bytes, reading).metadata());
  const { space, depth, hasProfile, orientation = 1 } = metadata;
  const stored = { width: metadata.width, height: metadata.pageHeight ?? metadata.height };
  checkPixels(name, stored, maxPixels);
  if (!['uchar', 'ushort'].includes(depth)) {
    throw new DataFormatError(`${name}: its values are ${depth}, expected 8 or 16 bits per channel: save it as PNG`);
  }
  const isConverted = hasProfile && !isSrgb(metadata);
  const colours: RawColours = space === 'cmyk' && !hasProfile ? 'cmyk' : space === 'b-w' || space === 'grey16' ? 'grey' : 'rgb';
  return {
    ...uprightSize(stored, orientation),
    isColour: colours !== 'grey',
    decode: async ({ background = white, atLeast }: DecodingOptions = {}) => {
      const source = sharp(bytes, { ...reading, ignoreIcc: !isConverted });
      const reduced = reducedSize(stored, atLeast && uprightSize(atLeast, orientation));
      const image = rawOf(reduced === null ? source : reducedBy(source, stored, reduced), colours);
      const { data, info } = await orDamaged(name, format, async () => await image.toBuffer({ resolveWithObject: true }));
      const { width, height, channels } = info;
      const flat = opaque({ width, height, channels, data }, colours, background);
      return { ...upright(flat, orientation), isRotated: orientation > 1, isConverted };
    },
  };
}

/** Returns the size to which libvips reduces an image while it decodes it; `null` if it does not. */
function reducedSize(stored: ImageSize, least: ImageSize | undefined): ImageSize | null {
  if (least === undefined || stored.width * stored.height < FEWEST_REDUCED) return null;
  const factor = Math.min(stored.width / least.width, stored.height / least.height);
  return factor < LEAST_REDUCTION ? null : least;
}

/** Reduces an image. The extraction of the whole image prevents sharp from letting libjpeg reduce it, which would be less exact. */
function reducedBy(source: Sharp, stored: ImageSize, reduced: ImageSize): Sharp {
  return source.extract({ left: 0, top: 0, ...stored }).resize({ ...reduced, fit: 'fill', kernel: 'lanczos3' });
}

const rawOf = (image: Sharp, colours: RawColours): Sharp =>
  (colours === 'cmyk' ? image.pipelineColourspace('cmyk').toColourspace('cmyk') : image.toColourspace('srgb')).raw({ depth: 'uchar' });

/** Runs a step of decoding. @throws DataFormatError if it fails. The message names the file and says why */
async function orDamaged<T>(name: string, format: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof UnreadBmpError) {
      throw new DataFormatError(`${name} is a BMP image of a kind that is not read: ${error.message}. Save it as PNG`, { cause: error });
    }
    throw new DataFormatError(`${name} is a damaged ${format.toUpperCase()} file: ${reasonOf(error)}`, { cause: error });
  }
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

function checkPixels(name: string, { width, height }: ImageSize, maxPixels: number): void {
  if (width * height <= maxPixels) return;
  throw new DataFormatError(
    `${name}: an image of ${width}×${height} has ${width * height} pixels, which is over the limit of ${maxPixels}`,
  );
}

/** Returns whether the colour profile names sRGB. Such an image is not converted, because a conversion would only round its values. */
const isSrgb = ({ icc }: Metadata): boolean => icc !== undefined && /srgb/i.test(icc.toString('latin1').replaceAll('\0', ''));
