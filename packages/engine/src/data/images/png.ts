// PNG files (W3C PNG specification), decoded by fast-png. That trusts what a file says of itself, so the file is looked
// through first: its chunks, its size, and that its pixels unpack to what the size needs and no more. Only the chunks that
// make pixels are handed on; others may be packed too.
import { convertIndexedToRgb, decode, encode } from 'fast-png';
import { Unzlib } from 'fflate';
import { DataFormatError } from '../errors.ts';
import type { NamedBytes } from '../files.ts';
import type { Pixels } from './image.ts';
import { checkSize } from './size.ts';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Length, type and checksum of a chunk. */
const CHUNK_FRAME = 12;
/** Packed bytes that are unpacked at a time: at most a thousand times as many come out. */
const PIECE = 4096;

const channelsOf: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [2, 3],
  [3, 1],
  [4, 2],
  [6, 4],
]);

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly channels: number;
  readonly indexed: boolean;
  readonly interlaced: boolean;
}

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** @throws DataFormatError for a malformed or too large file, one with transparency, or one of 16 bits a channel. */
export function decodePng(file: NamedBytes, maxPixels: number): Pixels {
  const { name } = file;
  const chunks = chunksOf(file);
  const header = headerOf(name, chunks);
  checkSize(name, header.width, header.height, maxPixels);
  if (header.depth === 16) throw new DataFormatError(`${name}: 16 bits a channel are not read: save it with 8`);
  checkPacked(name, header, chunks);
  const image = unpack(name, header, chunks);
  return withoutAlpha(name, header, image);
}

/** A PNG file of 8 bits a channel with these pixels. */
export function encodePng({ width, height, channels, data }: Pixels): Uint8Array {
  return encode({ width, height, channels, depth: 8, data });
}

interface Chunk {
  readonly type: string;
  /** With length, type and checksum. */
  readonly whole: Uint8Array;
  readonly data: Uint8Array;
}

/** The chunks that make the pixels. */
function chunksOf({ name, bytes }: NamedBytes): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE.length; ; ) {
    if (at + CHUNK_FRAME > bytes.length) throw new DataFormatError(`${name}: cut off at byte ${bytes.length}, before its end`);
    const length = view.getUint32(at);
    const end = at + CHUNK_FRAME + length;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (end > bytes.length) {
      throw new DataFormatError(
        `${name}: the chunk ${JSON.stringify(type)} at byte ${at} ends at byte ${end}, but the file has ${bytes.length}`,
      );
    }
    if (['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'].includes(type)) {
      chunks.push({ type, whole: bytes.subarray(at, end), data: bytes.subarray(at + 8, end - 4) });
    }
    if (type === 'IEND') return chunks;
    at = end;
  }
}

function headerOf(name: string, [first]: readonly Chunk[]): Header {
  if (first.type !== 'IHDR' || first.data.length !== 13) throw new DataFormatError(`${name}: does not begin with a PNG header (IHDR)`);
  const view = new DataView(first.data.buffer, first.data.byteOffset, first.data.length);
  const [depth, color] = [view.getUint8(8), view.getUint8(9)];
  const channels = channelsOf.get(color);
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(depth)) {
    throw new DataFormatError(`${name}: there is no PNG of colour type ${color} with ${depth} bits`);
  }
  return {
    width: view.getUint32(0),
    height: view.getUint32(4),
    depth,
    channels,
    indexed: color === 3,
    interlaced: view.getUint8(12) !== 0,
  };
}

/** Unpacks the pixels once without keeping them: as many bytes must come as the size needs. */
function checkPacked(name: string, { width, height, depth, channels, interlaced }: Header, chunks: readonly Chunk[]): void {
  const needed = height * (1 + Math.ceil((width * depth * channels) / 8));
  // Interlaced, an image is stored as seven smaller ones, whose rows begin with a byte each and end on whole ones.
  const most = interlaced ? 2 * needed + 64 : needed;
  let unpacked = 0;
  const inflate = new Unzlib((piece) => {
    unpacked += piece.length;
    if (unpacked <= most) return;
    throw new DataFormatError(`${name}: its pixels unpack to more than the ${most} bytes that ${width}×${height} takes`);
  });
  try {
    for (const { data } of chunks.filter(({ type }) => type === 'IDAT')) {
      for (let at = 0; at < data.length; at += PIECE) inflate.push(data.subarray(at, at + PIECE));
    }
  } catch (error) {
    throw error instanceof DataFormatError ? error : damaged(name, error);
  }
  if (unpacked < (interlaced ? Math.ceil((width * height * depth * channels) / 8) : needed)) {
    throw new DataFormatError(`${name}: its pixels unpack to ${unpacked} bytes, but ${width}×${height} takes ${needed}`);
  }
}

/** 8-bit samples of the file's channels; those of a palette are its colours. */
function unpack(name: string, header: Header, chunks: readonly Chunk[]): { channels: number; data: Uint8Array } {
  try {
    const image = decode(join(chunks), { checkCrc: true });
    if (image.transparency !== undefined) throw new TypeError('transparency by a key colour is not read');
    if (header.indexed) {
      const data = convertIndexedToRgb(image);
      return { channels: data.length / (header.width * header.height), data };
    }
    const data = Uint8Array.from(image.data);
    return { channels: header.channels, data: header.depth === 8 ? data : widen(data, header) };
  } catch (error) {
    throw damaged(name, error);
  }
}

function join(chunks: readonly Chunk[]): Uint8Array {
  const parts = [Uint8Array.from(SIGNATURE), ...chunks.map(({ whole }) => whole)];
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Grey of 1, 2 or 4 bits, rows on whole bytes, to 8 bits. */
function widen(packed: Uint8Array, { width, height, depth }: Header): Uint8Array {
  const row = Math.ceil((width * depth) / 8);
  if (packed.length !== row * height) throw new TypeError(`an interlaced image of ${depth} bits is not read`);
  const most = 2 ** depth - 1;
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const bit = (i % width) * depth;
    const byte = packed[Math.floor(i / width) * row + (bit >> 3)];
    return (((byte >> (8 - depth - (bit & 7))) & most) * 255) / most;
  });
}

/** An alpha channel says nothing where it is opaque everywhere; what else it hides cannot be guessed. */
function withoutAlpha(name: string, { width, height }: Header, { channels, data }: { channels: number; data: Uint8Array }): Pixels {
  if (channels === 1 || channels === 3) return { width, height, channels, data };
  const colours = channels === 2 ? 1 : 3;
  const out = new Uint8Array(width * height * colours);
  for (let i = 0; i < width * height; i++) {
    if (data[i * channels + colours] !== 255) {
      throw new DataFormatError(`${name}: has transparent pixels, the first in row ${Math.floor(i / width)}: save it without transparency`);
    }
    for (let channel = 0; channel < colours; channel++) out[i * colours + channel] = data[i * channels + channel];
  }
  return { width, height, channels: colours, data: out };
}

function damaged(name: string, cause: unknown): DataFormatError {
  return new DataFormatError(`${name}: a damaged PNG file (${cause instanceof Error ? cause.message : String(cause)})`, { cause });
}
