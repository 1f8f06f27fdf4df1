// Converts the bytes of images to numbers from 0 to 1.
import { blockElements, blockStart } from './blocks';

/** 2⁻⁸ + 2⁻¹⁶ + 2⁻²⁴. Its product with a byte is exact in float32. */
const HIGH: f32 = 65793 / 16777216.0;
/** 1/255 minus the constant above: 2⁻²⁴/255. */
const LOW: f32 = 1 / (255.0 * 16777216.0);

/** Computes x / 255 for four bytes, rounded as a division rounds it. Of the two products, only the small one is not exact. */
// @ts-ignore: decorator
@inline
function scaled(bytes: v128): v128 {
  const x = f32x4.convert_i32x4_u(bytes);
  return f32x4.add(f32x4.mul(x, f32x4.splat(HIGH)), f32x4.mul(x, f32x4.splat(LOW)));
}

/** Computes out[i] = pixels[i] / 255, correctly rounded. Units are blocks (blocks.ts); `pixels` are bytes. */
export function scalePixels(pixels: usize, out: usize, n: i32, from: i32, to: i32): void {
  const start = blockStart(from);
  pixels += start >> 2;
  out += start;
  let left = blockElements(n, from, to);
  for (; left >= 16; left -= 16) {
    const bytes = v128.load(pixels);
    const low = i16x8.extend_low_i8x16_u(bytes);
    const high = i16x8.extend_high_i8x16_u(bytes);
    v128.store(out, scaled(i32x4.extend_low_i16x8_u(low)));
    v128.store(out, scaled(i32x4.extend_high_i16x8_u(low)), 16);
    v128.store(out, scaled(i32x4.extend_low_i16x8_u(high)), 32);
    v128.store(out, scaled(i32x4.extend_high_i16x8_u(high)), 48);
    pixels += 16;
    out += 64;
  }
  for (; left > 0; left--) {
    store<f32>(out, <f32>load<u8>(pixels) / 255);
    pixels += 1;
    out += 4;
  }
}
