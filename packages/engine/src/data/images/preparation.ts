// How an image of any size becomes a sample: its size, colours and background. The preparation is chosen when images are uploaded and is
// stored with the dataset. Images for predictions are prepared in the same way.
import { z } from 'zod';
import type { Shape } from '../../shape.ts';
import { type Colour, type DecodingOptions, type ImageSize, inColour, inGrey, type Pixels } from './image.ts';
import { resampled } from './resample.ts';

export const imageFits = ['crop', 'pad', 'stretch'] as const;
export const imageModes = ['rgb', 'grey'] as const;

/** A colour such as #ffffff. */
export const colourText = z.string().regex(/^#[0-9a-f]{6}$/, 'must be a colour such as #ffffff');

export const imagePreparation = z
  .strictObject({
    size: z
      .tuple([z.int().min(1), z.int().min(1)])
      .readonly()
      .describe('Height and width of a sample, in pixels'),
    fit: z
      .enum(imageFits)
      .describe(
        '`crop`: scaled so that it fills the size, and the middle is kept; `pad`: scaled so that it fits into the size, and the background is added; `stretch`: scaled to the size',
      ),
    mode: z.enum(imageModes).describe('The colours: three channels, or one'),
    background: colourText.describe('The colour under transparent pixels, and around images with `pad`'),
  })
  .describe('How an image becomes a sample');
export type ImagePreparation = z.output<typeof imagePreparation>;

/** The size of a sample and how an image is fitted into it. */
export type ImageFitting = Pick<ImagePreparation, 'size' | 'fit'>;

/** The default background. */
export const WHITE = '#ffffff';

/** Returns the numbers of a colour such as #ffffff. */
export function colourOf(text: string): Colour {
  const value = Number.parseInt(text.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * Returns the preparation for samples that were not uploaded as images: the image fills the sample's size, on white. Returns null if samples
 * of this shape are not images with one or three channels.
 */
export function preparationFor(inputShape: Shape): ImagePreparation | null {
  const [channels, height, width] = inputShape;
  if (inputShape.length !== 3 || (channels !== 1 && channels !== 3)) return null;
  return { size: [height, width], fit: 'crop', mode: channels === 1 ? 'grey' : 'rgb', background: WHITE };
}

/** Returns the size to which a whole image is scaled. Lengths are rounded to the nearest pixel, and are at least 1. */
export function scaledSize({ width, height }: ImageSize, { size: [rows, columns], fit }: ImageFitting): ImageSize {
  const [across, down] = [columns / width, rows / height];
  if (fit === 'stretch' || across === down) return { width: columns, height: rows };
  const isWidthGiven = fit === 'crop' ? across > down : across < down;
  return isWidthGiven
    ? { width: columns, height: Math.max(1, Math.round(height * across)) }
    : { width: Math.max(1, Math.round(width * down)), height: rows };
}

/** Returns whether fitting an image cuts off some of its pixels. */
export function isCut(image: ImageSize, fitting: ImageFitting): boolean {
  const { width, height } = scaledSize(image, fitting);
  return height > fitting.size[0] || width > fitting.size[1];
}

/** A decoder may reduce an image to this many times the scaled size. The rest of the reduction is computed here, with Pillow's numbers. */
const REDUCTION = 3;

/** Returns how a decoder may decode an image that is fitted afterwards. */
export function decodingFor(image: ImageSize, fitting: ImageFitting, background: Colour): Required<DecodingOptions> {
  const { width, height } = scaledSize(image, fitting);
  const atLeast = { width: Math.min(image.width, REDUCTION * width), height: Math.min(image.height, REDUCTION * height) };
  return { background, atLeast };
}

/**
 * Scales an image with Lanczos's filter, and cuts it or adds the background. A grey image stays grey unless the background has a colour.
 * @param stored the size of the image before a decoder reduced it
 */
export function fitted(image: Pixels, stored: ImageSize, fitting: ImageFitting, background: Colour): Pixels {
  const [height, width] = fitting.size;
  const scaled = scaledSize(stored, fitting);
  const left = Math.trunc((scaled.width - width) / 2);
  const top = Math.trunc((scaled.height - height) / 2);
  const part = resampled(image, scaled, {
    left: Math.max(0, left),
    top: Math.max(0, top),
    width: Math.min(width, scaled.width),
    height: Math.min(height, scaled.height),
  });
  return part.width === width && part.height === height ? part : onBackground(part, { width, height }, { left, top }, background);
}

/** Draws an image on a background. `left` and `top` are the negative offsets of the image. */
function onBackground(
  image: Pixels,
  { width, height }: ImageSize,
  { left, top }: { readonly left: number; readonly top: number },
  background: Colour,
): Pixels {
  const isGrey = image.channels === 1 && background.every((value) => value === background[0]);
  const { channels, data: from, ...size } = isGrey ? image : inColour(image);
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) data[i] = background[i % channels];
  for (let row = 0; row < size.height; row++) {
    const line = from.subarray(row * size.width * channels, (row + 1) * size.width * channels);
    data.set(line, ((row - Math.min(0, top)) * width - Math.min(0, left)) * channels);
  }
  return { width, height, channels, data };
}

/** Returns an image with the channels of a mode. */
export const inMode = (image: Pixels, mode: ImagePreparation['mode']): Pixels => (mode === 'rgb' ? inColour(image) : inGrey(image));
