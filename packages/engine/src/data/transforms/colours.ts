// Changes the colours of one image in place, in float32 as torchvision.transforms.v2.functional does on tensors from 0 to 1. An image has
// one channel (grey) or three (red, green, blue). The file also has the same functions in Python, for exported scripts.
import { ShapeError } from '../../errors.ts';
import { formatShape, type Shape } from '../../shape.ts';
import { imageSize } from './define.ts';

/** The weights of red, green and blue in the brightness of a pixel (ITU-R 601-2), rounded to float32 as in torchvision. */
const RED = Math.fround(0.2989);
const GREEN = Math.fround(0.587);
const BLUE = Math.fround(0.114);

/** The weights of red, green and blue in the brightness of a pixel. */
export const brightnessWeights: readonly number[] = [RED, GREEN, BLUE];

/** Returns the shape of an image with colours. @throws ShapeError unless it is an image of one or three channels */
export function colourImageSize(input: Shape): readonly [channels: number, height: number, width: number] {
  const size = imageSize(input);
  if (size[0] === 1 || size[0] === 3) return size;
  throw new ShapeError(
    `needs grey images or colour images (1 or 3 channels), but the samples have the shape ${formatShape(input)}: remove this transform`,
  );
}

/** The values of pixels: from 0 to 1, or whole numbers from 0 to 255. */
export interface Levels {
  readonly most: number;
  /** Whether results are rounded down to whole numbers. */
  readonly whole: boolean;
}

export const unitLevels: Levels = { most: 1, whole: false };
export const byteLevels: Levels = { most: 255, whole: true };

/** Returns the brightness of a pixel of three channels. The sums are fused multiply-adds in float32, as in PyTorch. */
export function greyOf(red: number, green: number, blue: number): number {
  return Math.fround(Math.fround(Math.fround(red * RED) + green * GREEN) + blue * BLUE);
}

const limited = (value: number): number => (value < 0 ? 0 : value > 1 ? 1 : value);

/** Returns a float32 value as a pixel. */
function levelOf(value: number, { most, whole }: Levels): number {
  const within = value < 0 ? 0 : value > most ? most : value;
  return whole ? Math.floor(within) : within;
}

/** Multiplies `length` values from index `at` on by a factor. */
export function adjustBrightness(image: Float32Array, at: number, length: number, factor: number, levels = unitLevels): void {
  const f = Math.fround(factor);
  for (let i = at; i < at + length; i++) image[i] = levelOf(Math.fround(image[i] * f), levels);
}

/** Blends an image with its mean brightness. @param pixels the pixels of one channel */
export function adjustContrast(
  image: Float32Array,
  at: number,
  channels: number,
  pixels: number,
  factor: number,
  levels = unitLevels,
): void {
  let sum = 0;
  if (channels === 1) for (let i = at; i < at + pixels; i++) sum += image[i];
  else for (let i = at; i < at + pixels; i++) sum += wholeGrey(greyOf(image[i], image[i + pixels], image[i + 2 * pixels]), levels);
  const ratio = Math.fround(factor);
  const rest = Math.fround(sum / pixels) * Math.fround(1 - factor);
  for (let i = at; i < at + channels * pixels; i++) image[i] = levelOf(Math.fround(Math.fround(image[i] * ratio) + rest), levels);
}

const wholeGrey = (grey: number, { whole }: Levels): number => (whole ? Math.floor(grey) : grey);

/** Blends an image with its grey image. An image of one channel stays the same. @param pixels the pixels of one channel */
export function adjustSaturation(
  image: Float32Array,
  at: number,
  channels: number,
  pixels: number,
  factor: number,
  levels = unitLevels,
): void {
  if (channels === 1) return;
  const ratio = Math.fround(factor);
  const other = Math.fround(1 - factor);
  for (let i = at; i < at + pixels; i++) {
    const g = i + pixels;
    const b = g + pixels;
    const rest = wholeGrey(greyOf(image[i], image[g], image[b]), levels) * other;
    image[i] = levelOf(Math.fround(Math.fround(image[i] * ratio) + rest), levels);
    image[g] = levelOf(Math.fround(Math.fround(image[g] * ratio) + rest), levels);
    image[b] = levelOf(Math.fround(Math.fround(image[b] * ratio) + rest), levels);
  }
}

/**
 * Turns the hues of an image, in HSV. An image of one channel stays the same.
 * @param shift the share of the colour circle, from -0.5 to 0.5
 */
export function adjustHue(image: Float32Array, at: number, channels: number, pixels: number, shift: number): void {
  if (channels === 1) return;
  for (let r = at; r < at + pixels; r++) {
    const g = r + pixels;
    const b = g + pixels;
    const red = image[r];
    const green = image[g];
    const blue = image[b];
    const most = red > green ? (red > blue ? red : blue) : green > blue ? green : blue;
    const least = red < green ? (red < blue ? red : blue) : green < blue ? green : blue;
    const range = most - least;
    // A grey pixel has no hue.
    if (range === 0) continue;
    const sixths = most === red ? (green - blue) / range : most === green ? 2 + (blue - red) / range : 4 + (red - green) / range;
    const turned = sixths / 6 + 1 + shift;
    const hue = 6 * (turned - Math.floor(turned));
    const sector = Math.floor(hue);
    const f = hue - sector;
    const saturation = range / most;
    const p = limited((1 - saturation) * most);
    const q = limited((1 - saturation * f) * most);
    const t = limited((1 - saturation + saturation * f) * most);
    // A hue that was rounded up to 6 is in the first sector.
    image[r] = sector === 1 ? q : sector === 2 || sector === 3 ? p : sector === 4 ? t : most;
    image[g] = sector === 0 || sector === 6 ? t : sector === 3 ? q : sector === 4 || sector === 5 ? p : most;
    image[b] = sector === 2 ? t : sector === 3 || sector === 4 ? most : sector === 5 ? q : p;
  }
}

/** The functions of this file in Python, for an image of shape [channels, height, width]. */
export const pythonGrey = `def grey(image):
    if len(image) == 1:
        return image
    return image[:1].mul(0.2989).add(image[1:2], alpha=0.587).add(image[2:], alpha=0.114)`;

export const pythonBlend = `def blend(image, other, ratio, most=1):
    return image.mul(ratio).add(other, alpha=1.0 - ratio).clamp(0, most)`;

export const pythonHue = `def adjust_hue(image, shift):
    if len(image) == 1:
        return image
    r, g, b = image.double()
    value, least = torch.maximum(torch.maximum(r, g), b), torch.minimum(torch.minimum(r, g), b)
    spread = value - least
    divisor = torch.where(spread == 0, 1.0, spread)
    sixths = torch.where(
        value == r, (g - b) / divisor, torch.where(value == g, 2 + (b - r) / divisor, 4 + (r - g) / divisor)
    )
    turned = sixths / 6 + 1 + shift
    hue = 6 * (turned - turned.floor())
    sector = hue.floor()
    f = hue - sector
    saturation = spread / torch.where(value == 0, 1.0, value)
    p = ((1 - saturation) * value).clamp(0, 1)
    q = ((1 - saturation * f) * value).clamp(0, 1)
    t = ((1 - saturation + saturation * f) * value).clamp(0, 1)
    choices = torch.stack([torch.stack([value, t, p]), torch.stack([q, value, p]), torch.stack([p, value, t]),
                           torch.stack([p, q, value]), torch.stack([t, p, value]), torch.stack([value, p, q])])
    turned = choices.gather(0, (sector.long() % 6).expand(1, 3, *sector.shape))[0]
    return torch.where(spread == 0, image, turned.float())`;
