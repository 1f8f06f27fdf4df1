// Decodes small plain PNG files. Datasets have tens of thousands of them, and libvips has a start-up cost for each image. Only 8-bit grey
// and RGB without interlacing, transparency, profile or metadata are decoded here. Other files, also damaged ones, are left to sharp.
import { crc32, inflateSync } from 'node:zlib';
import type { Pixels } from '@trainyard/engine/data';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The most pixels of an image that is decoded here. libvips is faster for larger images. */
const MOST_PIXELS = 256 * 256;

/** Chunks that do not change pixels. */
const IGNORED: readonly string[] = ['pHYs', 'tIME'];

/** How many bytes the length, type and checksum of a chunk have together. */
const CHUNK_OVERHEAD = 12;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/**
 * Returns the pixels of a plain PNG file; `null` for every other file. Source: PNG specification (W3C), third edition.
 */
export function decodePlainPng(bytes: Uint8Array): Pixels | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!file.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return null;
  let header: Header | null = null;
  const packed: Buffer[] = [];
  for (let at = SIGNATURE.length; at + CHUNK_OVERHEAD <= file.length; ) {
    const length = file.readUInt32BE(at);
    const end = at + CHUNK_OVERHEAD + length;
    if (end > file.length || crc32(file.subarray(at + 4, end - 4)) !== file.readUInt32BE(end - 4)) return null;
    const type = file.toString('latin1', at + 4, at + 8);
    const content = file.subarray(at + 8, end - 4);
    if (type === 'IEND') return end === file.length && header !== null ? pixelsOf(header, packed) : null;
    if (header === null) {
      header = type === 'IHDR' ? headerOf(content) : null;
      if (header === null) return null;
    } else if (type === 'IDAT') packed.push(content);
    else if (!IGNORED.includes(type)) return null;
    at = end;
  }
  return null;
}

function headerOf(content: Buffer): Header | null {
  if (content.length !== 13) return null;
  const [width, height] = [content.readUInt32BE(0), content.readUInt32BE(4)];
  const [depth, colour, compression, filter, interlace] = content.subarray(8);
  if (width === 0 || height === 0 || width * height > MOST_PIXELS) return null;
  if (depth !== 8 || (colour !== 0 && colour !== 2) || compression !== 0 || filter !== 0 || interlace !== 0) return null;
  return { width, height, channels: colour === 0 ? 1 : 3 };
}

function pixelsOf({ width, height, channels }: Header, packed: readonly Buffer[]): Pixels | null {
  const rowBytes = width * channels;
  const rows = inflated(packed.length === 1 && packed[0] !== undefined ? packed[0] : Buffer.concat(packed), height * (rowBytes + 1));
  if (rows === null) return null;
  const data = new Uint8Array(height * rowBytes);
  for (let y = 0; y < height; y++) {
    const from = y * (rowBytes + 1);
    if (!unfilterRow(rows[from], rows.subarray(from + 1, from + 1 + rowBytes), data, y * rowBytes, channels)) return null;
  }
  return { width, height, channels, data };
}

/** Decompresses `packed`. Returns `null` unless the whole input is one stream of exactly `bytes` bytes. */
function inflated(packed: Buffer, bytes: number): Buffer | null {
  try {
    const { buffer, engine } = inflateSync(packed, { maxOutputLength: bytes, info: true }) as unknown as Inflated;
    return buffer.length === bytes && engine.bytesWritten === packed.length ? buffer : null;
  } catch {
    return null;
  }
}

/** The result of `inflateSync` with `info: true`, which Node's types do not declare. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/**
 * Undoes the filter of a row, and writes the row into `data` at index `at`. The row above must already be in `data`.
 * @returns false for a filter that does not exist
 */
function unfilterRow(filter: number | undefined, row: Uint8Array, data: Uint8Array, at: number, channels: number): boolean {
  const above = at - row.length;
  // The values of the left, upper and upper-left pixels; 0 outside the image.
  const left = (i: number): number => (i < channels ? 0 : data[at + i - channels]);
  const up = (i: number): number => (above < 0 ? 0 : data[above + i]);
  const corner = (i: number): number => (above < 0 || i < channels ? 0 : data[above + i - channels]);
  switch (filter) {
    case 0:
      data.set(row, at);
      return true;
    case 1:
      for (let i = 0; i < row.length; i++) data[at + i] = row[i] + left(i);
      return true;
    case 2:
      for (let i = 0; i < row.length; i++) data[at + i] = row[i] + up(i);
      return true;
    case 3:
      for (let i = 0; i < row.length; i++) data[at + i] = row[i] + ((left(i) + up(i)) >> 1);
      return true;
    case 4:
      for (let i = 0; i < row.length; i++) data[at + i] = row[i] + paeth(left(i), up(i), corner(i));
      return true;
    default:
      return false;
  }
}

/** Returns the neighbour that is nearest to left + up - corner. */
function paeth(left: number, up: number, corner: number): number {
  const [toLeft, toUp, toCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
