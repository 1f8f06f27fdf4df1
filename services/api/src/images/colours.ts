// Converts decoded pixels to grey or RGB: puts transparent pixels on a background, and converts CMYK without a colour profile. This is done
// here because sharp converts both differently from Pillow and browsers.
import type { Colour, ImageSize, Pixels } from '@trainyard/engine/data';

/** Pixels with 8 bits per channel. The channels of a pixel are next to each other. */
export interface RawPixels extends ImageSize {
  readonly channels: number;
  readonly data: Uint8Array;
}

/** `grey`: one channel, and opacity if there are two. `rgb`: three, and opacity if there are four. `cmyk`: four inks. */
export type RawColours = 'grey' | 'rgb' | 'cmyk';

/** Pixels without transparency. */
export interface OpaquePixels extends Pixels {
  /** Whether some pixels were transparent. */
  readonly isTransparent: boolean;
}

/** Returns pixels without transparency. Grey pixels become RGB if some are transparent and the background is not grey. */
export function opaque(raw: RawPixels, colours: RawColours, background: Colour): OpaquePixels {
  const { width, height, data } = raw;
  if (colours === 'cmyk') return { width, height, channels: 3, data: withoutInks(raw), isTransparent: false };
  const channels = colours === 'grey' ? 1 : 3;
  if (raw.channels === channels) return { width, height, channels, data, isTransparent: false };
  const hasOpacity = raw.channels % 2 === 0;
  const isTransparent = hasOpacity && hasTransparentPixels(raw);
  const isGreyBackground = background.every((value) => value === background[0]);
  const wanted = isTransparent && !isGreyBackground ? 3 : channels;
  return { width, height, channels: wanted, data: onBackground(raw, wanted, isTransparent ? background : null), isTransparent };
}

function hasTransparentPixels({ channels, data }: RawPixels): boolean {
  for (let i = channels - 1; i < data.length; i += channels) if (data[i] < 255) return true;
  return false;
}

/** @param background null if no pixel is transparent */
function onBackground({ width, height, channels, data }: RawPixels, wanted: 1 | 3, background: Colour | null): Uint8Array {
  const out = new Uint8Array(width * height * wanted);
  for (let i = 0; i < width * height; i++) {
    const from = i * channels;
    for (let channel = 0; channel < wanted; channel++) {
      const value = data[from + (channels < 3 ? 0 : channel)];
      out[i * wanted + channel] = background === null ? value : over(value, data[from + channels - 1], background[channel]);
    }
  }
  return out;
}

/** Returns a channel value after its pixel is drawn over the background, rounded to the nearest integer. */
const over = (value: number, opacity: number, background: number): number => divide255(value * opacity + background * (255 - opacity));

/** Converts CMYK to RGB as Pillow and browsers convert images without a profile. */
function withoutInks({ width, height, channels, data }: RawPixels): Uint8Array {
  const out = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const light = 255 - data[i * channels + 3];
    for (let channel = 0; channel < 3; channel++) {
      out[i * 3 + channel] = Math.max(0, light - divide255(data[i * channels + channel] * light));
    }
  }
  return out;
}

/** Returns x / 255, rounded to the nearest integer. x may be at most 255². */
const divide255 = (x: number): number => Math.floor((x + 128 + ((x + 128) >> 8)) / 256);
