// JPEG files (ITU-T T.81; baseline and progressive, grey or colour), decoded by jpeg-js. Their size is read first, so that
// nothing is unpacked that is too large. Orientation in EXIF data is not followed, as torchvision's loader does not.
import jpeg from 'jpeg-js';
import { DataFormatError } from '../errors.ts';
import type { NamedBytes } from '../files.ts';
import type { Pixels } from './image.ts';
import { checkSize } from './size.ts';

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** @throws DataFormatError for a malformed or too large file, or one that is neither grey nor of three colours. */
export function decodeJpeg(file: NamedBytes, maxPixels: number): Pixels {
  const { name, bytes } = file;
  const { width, height, components } = frameOf(file);
  checkSize(name, width, height, maxPixels);
  if (components !== 1 && components !== 3) {
    throw new DataFormatError(`${name}: a JPEG of ${components} components, read are 1 (grey) and 3 (colour)`);
  }
  const { data } = decodeWhole(name, bytes, maxPixels);
  if (components === 3) return { width, height, channels: 3, data };
  // Grey comes back as three equal channels.
  return { width, height, channels: 1, data: data.filter((_, i) => i % 3 === 0) };
}

function decodeWhole(name: string, bytes: Uint8Array, maxPixels: number): { data: Uint8Array } {
  // Without an end mark the decoder makes up what is missing.
  const end = bytes.findLastIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xd9);
  if (end === -1) throw new DataFormatError(`${name}: cut off at byte ${bytes.length}, before its end mark`);
  try {
    return jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: Math.ceil(maxPixels / 1e6),
      maxMemoryUsageInMB: 64 + Math.ceil((maxPixels * 32) / 2 ** 20),
    });
  } catch (error) {
    throw new DataFormatError(`${name}: a damaged JPEG file (${error instanceof Error ? error.message : String(error)})`, { cause: error });
  }
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: number;
}

/** What the frame header says; it comes before the pixels. */
function frameOf({ name, bytes }: NamedBytes): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) throw new DataFormatError(`${name}: byte ${at} should begin a JPEG segment`);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = view.getUint16(at + 2);
    const end = at + 2 + length;
    if (end > bytes.length) {
      throw new DataFormatError(`${name}: the JPEG segment at byte ${at} ends at byte ${end}, but the file has ${bytes.length}`);
    }
    if (marker === 0xda) break;
    // C4, C8 and CC are no frames.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (marker > 0xc2)
        throw new DataFormatError(`${name}: a JPEG of kind 0x${marker.toString(16)}, read are baseline and progressive ones`);
      if (length < 8) throw new DataFormatError(`${name}: the frame header at byte ${at} has ${length} bytes: at least 8 are needed`);
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7), components: bytes[at + 9] };
    }
    at = end;
  }
  throw new DataFormatError(`${name}: no JPEG frame header comes before its pixels`);
}
