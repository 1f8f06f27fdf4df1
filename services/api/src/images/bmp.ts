// Reads BMP files, which sharp does not read: 1, 2, 4 and 8 bits with a palette, also run-length encoded, and 16, 24 and 32 bits.
// Source: Microsoft's documentation of BITMAPINFOHEADER and its later versions. Colours are computed as in Pillow.
import type { ImageSize } from '@trainyard/engine/data';
import type { RawColours, RawPixels } from './colours.ts';

const FILE_HEADER = 14;
/** The size of the oldest header, whose fields have 16 bits. */
const CORE_HEADER = 12;
const compressions = { none: 0, rle8: 1, rle4: 2, bitFields: 3, alphaBitFields: 6 } as const;

/** The file is a BMP of a kind that is not read. */
export class UnreadBmpError extends Error {}

export interface Bmp extends ImageSize {
  readonly colours: RawColours;
  /** @throws Error if the pixels are cut off. The message says where */
  readonly pixels: () => RawPixels;
}

interface Header extends ImageSize {
  readonly bits: number;
  readonly compression: number;
  /** Whether the first stored row is the top row. */
  readonly isTopDown: boolean;
  /** Where the pixels begin. */
  readonly start: number;
  /** Red, green and blue of each entry of the palette. Empty without a palette. */
  readonly palette: Uint8Array;
  readonly masks: readonly [red: number, green: number, blue: number, alpha: number];
}

/** Reads the header of a BMP file. @throws UnreadBmpError if the kind of BMP is not read. @throws Error if the header is damaged */
export function openBmp(bytes: Uint8Array): Bmp {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const header = headerOf(file);
  const { width, height, bits, palette, masks } = header;
  const isGrey = bits <= 8 && isGreyPalette(palette);
  const channels = isGrey ? 1 : masks[3] === 0 ? 3 : 4;
  return {
    width,
    height,
    colours: isGrey ? 'grey' : 'rgb',
    pixels: () => ({ width, height, channels, data: bits <= 8 ? fromPalette(file, header, channels) : fromMasks(file, header, channels) }),
  };
}

function headerOf(file: Buffer): Header {
  const headerBytes = file.length < FILE_HEADER + 4 ? 0 : file.readUInt32LE(14);
  if (file.length < FILE_HEADER + Math.max(headerBytes, CORE_HEADER)) throw new Error('its header is cut off');
  const isCore = headerBytes === CORE_HEADER;
  if (!isCore && headerBytes < 40) throw new Error(`its header has ${headerBytes} bytes, expected 12, or at least 40`);
  const signedHeight = isCore ? file.readInt16LE(20) : file.readInt32LE(22);
  const [width, height] = [isCore ? file.readUInt16LE(18) : file.readInt32LE(18), Math.abs(signedHeight)];
  if (width <= 0 || height === 0) throw new Error(`its size is ${width}×${signedHeight}`);
  const bits = file.readUInt16LE(isCore ? 24 : 28);
  const compression = isCore ? compressions.none : file.readUInt32LE(30);
  checkKind(bits, compression);
  const used = isCore ? 0 : file.readUInt32LE(46);
  const masks = masksOf(file, bits, compression, headerBytes);
  const paletteStart = FILE_HEADER + headerBytes;
  const palette = bits > 8 ? new Uint8Array() : paletteOf(file, paletteStart, Math.min(used || 256, 2 ** bits), isCore ? 3 : 4);
  return { width, height, bits, compression, isTopDown: signedHeight < 0, start: file.readUInt32LE(10), palette, masks };
}

/** For each compression that is read: the numbers of bits per pixel. */
const readBits: ReadonlyMap<number, readonly number[]> = new Map([
  [compressions.none, [1, 2, 4, 8, 16, 24, 32]],
  [compressions.rle8, [8]],
  [compressions.rle4, [4]],
  [compressions.bitFields, [16, 32]],
  [compressions.alphaBitFields, [16, 32]],
]);

function checkKind(bits: number, compression: number): void {
  if (readBits.get(compression)?.includes(bits) === true) return;
  throw new UnreadBmpError(`it has ${bits} bits per pixel and the compression ${compression}`);
}

/** The masks of images with 5 bits and with 8 bits per channel. The fourth byte of images without a mask for it is not used. */
const usualMasks = {
  16: [0x7c00, 0x03e0, 0x001f, 0],
  24: [0xff0000, 0x00ff00, 0x0000ff, 0],
  32: [0xff0000, 0x00ff00, 0x0000ff, 0],
} as const;

function masksOf(file: Buffer, bits: number, compression: number, headerBytes: number): Header['masks'] {
  if (compression !== compressions.bitFields && compression !== compressions.alphaBitFields) {
    return bits === 16 || bits === 24 || bits === 32 ? usualMasks[bits] : [0, 0, 0, 0];
  }
  const hasAlpha = compression === compressions.alphaBitFields || headerBytes >= 56;
  if (file.length < 70) throw new Error('its header is cut off');
  const [red, green, blue, alpha] = [54, 58, 62, 66].map((at) => file.readUInt32LE(at));
  if (red === 0 || green === 0 || blue === 0) throw new Error('it has a channel without bits');
  return [red, green, blue, hasAlpha ? alpha : 0];
}

function paletteOf(file: Buffer, start: number, entries: number, entryBytes: number): Uint8Array {
  if (start + entries * entryBytes > file.length) throw new Error('its palette is cut off');
  return Uint8Array.from({ length: 3 * entries }, (_, i) => file[start + Math.floor(i / 3) * entryBytes + 2 - (i % 3)]);
}

const isGreyPalette = (palette: Uint8Array): boolean => palette.every((value, i) => value === palette[i - (i % 3)]);

/** Returns the bytes of a stored row. Each row is padded to whole groups of four bytes. */
const rowBytes = ({ width, bits }: Header): number => Math.ceil((width * bits) / 32) * 4;

/** Returns the row of the image that the stored row `row` is. */
const shownRow = ({ height, isTopDown }: Header, row: number): number => (isTopDown ? row : height - 1 - row);

/** @throws Error if there are too few bytes for all rows */
function checkRows(file: Buffer, header: Header): void {
  const needed = header.start + rowBytes(header) * header.height;
  // Some programs leave out the padding of the last row.
  if (file.length + 3 < needed) throw new Error(`it has ${file.length} bytes, expected ${needed}`);
}

function fromPalette(file: Buffer, header: Header, channels: number): Uint8Array {
  const { width, height, bits, compression, palette } = header;
  const isPacked = compression === compressions.rle8 || compression === compressions.rle4;
  if (!isPacked) checkRows(file, header);
  const unpacked = isPacked ? unpack(file, header) : null;
  const data = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const to = shownRow(header, row) * width;
    const from = header.start + row * rowBytes(header);
    for (let x = 0; x < width; x++) {
      const index =
        unpacked === null ? (file[from + ((x * bits) >> 3)] >> (8 - bits - ((x * bits) & 7))) & (2 ** bits - 1) : unpacked[row * width + x];
      for (let channel = 0; channel < channels; channel++) data[(to + x) * channels + channel] = palette[3 * index + channel] ?? 0;
    }
  }
  return data;
}

function fromMasks(file: Buffer, header: Header, channels: number): Uint8Array {
  checkRows(file, header);
  const { width, height, bits, masks } = header;
  const bytes = bits / 8;
  const shifts = masks.map((mask) => (mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)));
  const most = masks.map((mask, i) => mask >>> shifts[i]);
  const data = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const to = shownRow(header, row) * width * channels;
    for (let x = 0; x < width; x++) {
      const at = header.start + row * rowBytes(header) + x * bytes;
      if (at + bytes > file.length) throw new Error(`it is cut off at byte ${file.length}`);
      const value = file.readUIntLE(at, bytes);
      for (let channel = 0; channel < channels; channel++) {
        const own = ((value & masks[channel]) >>> shifts[channel]) * 255;
        data[to + x * channels + channel] = Math.floor(own / most[channel]);
      }
    }
  }
  return data;
}

/** Unpacks run-length encoded indices of the palette. Pixels that are skipped have index 0. */
function unpack(file: Buffer, { width, height, bits, start }: Header): Uint8Array {
  const indices = new Uint8Array(width * height);
  let [x, y, at] = [0, 0, start];
  const next = (): number => {
    if (at >= file.length) throw new Error(`it is cut off at byte ${file.length}`);
    return file[at++];
  };
  const put = (index: number): void => {
    if (x < width && y < height) indices[y * width + x] = index;
    x += 1;
  };
  while (y < height) {
    const count = next();
    const value = next();
    if (count > 0) for (let i = 0; i < count; i++) put(bits === 8 ? value : i % 2 === 0 ? value >> 4 : value & 15);
    else if (value === 0) [x, y] = [0, y + 1];
    else if (value === 1) break;
    else if (value === 2) [x, y] = [x + next(), y + next()];
    else {
      // Literal indices, padded to an even number of bytes.
      const bytes = Math.ceil((value * bits) / 8);
      const literal = Array.from({ length: bytes }, next);
      for (let i = 0; i < value; i++) put(bits === 8 ? literal[i] : i % 2 === 0 ? literal[i >> 1] >> 4 : literal[i >> 1] & 15);
      if (bytes % 2 === 1) next();
    }
  }
  return indices;
}
