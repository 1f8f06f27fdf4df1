// Creates PNG and JPEG images, valid ones and invalid ones.
import { crc32, deflateSync } from 'node:zlib';

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

export interface PngParts {
  readonly width: number;
  readonly height: number;
  readonly depth?: number;
  /** 0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha. */
  readonly color: number;
  readonly interlaced?: boolean;
  /** The packed rows, each without its filter byte. */
  readonly rows: readonly (readonly number[])[];
  readonly palette?: readonly number[];
  /** Replaces the packed rows. */
  readonly packed?: Uint8Array;
  /** Additional chunks before the pixels. */
  readonly extra?: readonly (readonly [type: string, data: Uint8Array])[];
}

/** Builds a PNG file as described, also if the description is contradictory. */
export function pngFile({ width, height, depth = 8, color, interlaced = false, rows, palette, packed, extra = [] }: PngParts): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, color, 0, 0, interlaced ? 1 : 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    ...extra.map(([type, data]) => chunk(type, data)),
    ...(palette === undefined ? [] : [chunk('PLTE', Uint8Array.from(palette))]),
    chunk('IDAT', packed ?? deflateSync(Buffer.concat(rows.map((row) => Buffer.from([0, ...row]))))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Builds a grey PNG from one value or a colour PNG from three values. */
export function plainPng(width: number, height: number, ...values: number[]): Uint8Array {
  const row = Array.from({ length: width }, () => values).flat();
  return pngFile({ width, height, color: values.length === 3 ? 2 : 0, rows: Array.from({ length: height }, () => row) });
}

/**
 * A grey JPEG of 8×8 pixels of 200: one block, whose only coefficient is 8 × (200 - 128) = 576, ten bits, with Huffman
 * tables of one code each.
 */
export const greyJpeg: Uint8Array = Buffer.concat(
  [
    [0xff, 0xd8],
    [0xff, 0xdb, 0, 67, 0, ...new Array<number>(64).fill(1)],
    [0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0],
    [0xff, 0xc4, 0, 20, 0x00, 1, ...new Array<number>(15).fill(0), 10],
    [0xff, 0xc4, 0, 20, 0x10, 1, ...new Array<number>(15).fill(0), 0],
    [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0],
    [0b01001000, 0b00001111],
    [0xff, 0xd9],
  ].map((bytes) => Buffer.from(bytes)),
);
