// Files that users upload by mistake are recognized by their content, not by their name. The error names the kind of file and how to
// convert it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encodeNpy, fileKind, UploadError, type UploadFilePart } from '@trainyard/engine/data';
import { readUpload } from '@trainyard/engine/node';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { openImage } from '../../../services/api/src/images/decodeImage.ts';
import { cifarBatch } from './cifarFiles.ts';
import { idxPair } from './idxFiles.ts';
import { plainPng } from './imageFixtures.ts';

/** Builds a file from texts, as their character codes, and lists of bytes. */
const file = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Buffer.concat([
    ...parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
    Buffer.alloc(64),
    Buffer.from([1, 2, 3]),
  ]);
const text = (content: string): Uint8Array => Buffer.from(content);
const zip = (...names: readonly string[]): Uint8Array => zipSync(Object.fromEntries(names.map((name) => [name, text('x')])));

async function faults(files: Partial<Record<UploadFilePart, Uint8Array>>): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-kinds-'));
  try {
    const uploaded = Object.keys(files).map((part) => ({ part: part as UploadFilePart, path: join(folder, part) }));
    for (const { part, path } of uploaded) await writeFile(path, files[part] ?? new Uint8Array());
    await readUpload(uploaded, {}, { openImage });
    return [];
  } catch (error) {
    if (!(error instanceof UploadError)) throw error;
    return error.faults.map(({ message }) => message);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const pngHead = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const ftyp = (brand: string): Uint8Array => file([0, 0, 0, 0x1c], `ftyp${brand}`, [0, 0, 0, 0]);
const mark = (at: number, bytes: string): Uint8Array => file(new Array<number>(at).fill(0), bytes);

describe('the error for an upload names the kind of the file and what to do:', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['an Excel file', zip('[Content_Types].xml', 'xl/workbook.xml'), /^file is an Excel file \(\.xlsx\): export the sheet as CSV$/],
    [
      'an old Excel file',
      file([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]),
      /^file is an old Excel or Office file \(\.xls\): export the sheet as CSV$/,
    ],
    ['an OpenDocument sheet', zip('mimetype', 'content.xml', 'styles.xml'), /OpenDocument file \(\.ods\): export the sheet as CSV/],
    ['a Numbers document', zip('Index/Document.iwa', 'preview.jpg'), /Apple Numbers.*: export the sheet as CSV/],
    ['a Word document', zip('[Content_Types].xml', 'word/document.xml'), /a Word or PowerPoint file/],
    [
      'a pickle',
      file([0x80, 4, 0x95, 0x10, 0, 0, 0, 0, 0, 0, 0], '}'),
      /^file is a Python pickle: load it in Python and save its arrays with numpy\.savez/,
    ],
    ['a pickle of an old protocol', file([0x80, 2], '}q', [1]), /a Python pickle/],
    ['a pickle of protocol 0', text("(dp0\nS'x'\np1\n"), /a Python pickle/],
    [
      'a Python batch of CIFAR',
      file([0x80, 2], '}q', [1], '(U', [11], 'batch_label'),
      /a CIFAR batch of the Python version \(a pickle\): download the binary version/,
    ],
    [
      'a file of torch.save',
      zip('model/data.pkl', 'model/version', 'model/data/0'),
      /^file is a file of torch\.save: save arrays with numpy\.savez.*POST \/weights/,
    ],
    ['an old file of torch.save', file([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]), /torch\.save/],
    ['a Parquet file', file('PAR1', [0x15, 4]), /^file is a Parquet file: save it as CSV, in Python pandas\.DataFrame\.to_csv/],
    ['an Arrow file', file('ARROW1', [0, 0]), /an Arrow or Feather file: save it as CSV/],
    ['an Arrow stream', file([0xff, 0xff, 0xff, 0xff, 0x70, 0, 0, 0, 0x10, 0, 0, 0]), /an Arrow or Feather file/],
    ['an HDF5 file', file([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]), /an HDF5 file \(\.h5\): .*numpy\.savez.*h5py/],
    ['a MATLAB file', file('MATLAB 5.0 MAT-file, Platform: GLNXA64'), /a MATLAB file \(\.mat\): .*scipy\.io\.loadmat/],
    ['an SQLite database', file('SQLite format 3\0'), /an SQLite database: export the table as CSV/],
    ['JSON', text('{"a": [1, 2], "b": null}'), /^file is a JSON file: save it as CSV, in Python pandas\.read_json/],
    ['JSON lines', text('{"a":1}\n{"a":2}\n'), /a JSON file/],
    ['a JSON list', text('[[1, 2], [3, 4]]'), /a JSON file/],
    ['XML', text('\ufeff<?xml version="1.0"?>\n<data/>'), /an XML file/],
    ['a saved error page', text('<!DOCTYPE html>\n<html><body>404</body></html>'), /an HTML page: the download probably failed/],
    [
      'a pointer of Git LFS',
      text('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'),
      /a Git LFS pointer, not the file itself: run "git lfs pull"/,
    ],
    ['a notebook', text('{\n "cells": []}'), /a Jupyter notebook/],
    ['ARFF', text('% iris\n@RELATION iris\n'), /an ARFF file: save it as CSV/],
    ['LIBSVM', text('1 3:0.5 7:-1e3\n-1 2:1\n'), /a LIBSVM file/],
    ['a PDF', text('%PDF-1.7\n%âãÏÓ\n'), /a PDF file/],
    ['bzip2', file('BZh9', [0x31, 0x41, 0x59, 0x26, 0x53, 0x59]), /a bzip2 file: unpack it, and send the files as a zip or \.tar\.gz/],
    ['xz', file([0xfd], '7zXZ', [0]), /an xz file: unpack it/],
    ['Zstandard', file([0x28, 0xb5, 0x2f, 0xfd]), /a Zstandard file: unpack it/],
    ['7z', file('7z', [0xbc, 0xaf, 0x27, 0x1c]), /a 7z archive: unpack it/],
    ['RAR', file('Rar!', [0x1a, 7, 1, 0]), /a RAR archive: unpack it/],
    ['gzip in gzip', gzipSync(gzipSync(text('a,b\n'))), /a gzip file: unpack it/],
    ['one PNG', plainPng(3, 2, 1), /^file is a PNG image: send images as a zip with one folder per class$/],
    ['one JPEG', file([0xff, 0xd8, 0xff, 0xe0]), /a JPEG image: send images as a zip/],
    ['an AVIF image', ftyp('avif'), /an AVIF image: send images as a zip/],
    ['an AVIF image that names itself a general image', file([0, 0, 0, 0x18], 'ftypmif1', [0, 0, 0, 0], 'mif1avif'), /an AVIF image: send/],
    [
      'a HEIC image that names itself a general image',
      file([0, 0, 0, 0x18], 'ftypmif1', [0, 0, 0, 0], 'mif1heic'),
      /a HEIC image: convert/,
    ],
    ['a HEIC image', ftyp('heic'), /a HEIC image: convert it to PNG or JPEG; an iPhone/],
    ['a BMP image', file('BM', [60, 0, 0, 0, 0, 0, 0, 0]), /a BMP image: send images as a zip with one folder per class/],
    ['an SVG drawing', text('<?xml version="1.0"?>\n<svg xmlns="x"/>'), /an SVG drawing: convert it/],
    ['DICOM', mark(128, 'DICM'), /a DICOM file: convert it/],
    ['a WAV recording', file('RIFF', [1, 2, 3, 0], 'WAVEfmt '), /a WAV recording/],
    ['an MP4 video', ftyp('isom'), /an MP4 or QuickTime file/],
    ['an MP3 recording', file('ID3', [4, 0]), /an MP3 recording/],
    ['one NPY array', encodeNpy([2, 2], new Float32Array(4)), /^file is an NPY array: send NPY arrays as the parts inputs and targets$/],
    ['one IDX file', idxPair([0, 1]).images, /^file is an IDX array: send IDX files as the parts inputs and targets$/],
    [
      'safetensors',
      file([16, 0, 0, 0, 0, 0, 0, 0], '{"w":{"dtype":"F32"'),
      /a safetensors file: it holds a model, not a dataset; weights go to POST \/weights/,
    ],
    ['ONNX', file([8, 8, 0x12, 7], 'pytorch'), /an ONNX model/],
    ['a Keras model', zip('config.json', 'model.weights.h5'), /a Keras model/],
    ['R data', gzipSync(file('RDX3\nX\n')), /an R data file: save it as CSV/],
    [
      'nothing that is known',
      file([0x80, 0xff, 7]),
      /^file is of no known kind \(its first bytes are 80 ff 07 00 00 00 00 00 …\): expected a CSV, a zip or tar of images/,
    ],
  ])('%s', async (_, content, message) => {
    expect(await faults({ file: content })).toEqual([expect.stringMatching(message)]);
  });

  test('a TFRecord file only when the checksum of its first length fits', () => {
    // A record of 16 bytes. As in TensorFlow, the CRC-32C of its length is rotated by 15 bits and a constant is added.
    const head = Buffer.alloc(32);
    head.writeBigUInt64LE(16n);
    const table = Array.from({ length: 256 }, (_, byte) => {
      let value = byte;
      for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
      return value >>> 0;
    });
    const crc = ~head.subarray(0, 8).reduce((sum, byte) => (sum >>> 8) ^ (table[(sum ^ byte) & 255] ?? 0), 0xffffffff) >>> 0;
    head.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, 8);
    expect(fileKind(head)?.id).toBe('tfRecord');
    head[8] ^= 1;
    expect(fileKind(head)).toBeNull();
  });
});

test('text that begins with the mark of another format is a table', () => {
  for (const words of [
    'PAR1,b\n',
    'ORC,a\n1,2\n',
    'GIF89a,b\n',
    'BM,a\n',
    'OggS\n',
    'RIFF,x,y\n',
    'ID3,k\n',
    'MZ\n',
    '"a","b"\n',
    '1 2 3\n',
    'x:1,y\n',
    '8BPS',
  ]) {
    expect(fileKind(Buffer.from(words)), words).toBeNull();
  }
});

test('records of CIFAR are recognized only by their size and labels', async () => {
  expect(await faults({ file: cifarBatch([0, 9, 3]) })).toEqual([]);
  // These begin like an IDX file and like an ONNX model.
  for (const [label, ...pixels] of [
    [0, 0, 8, 3],
    [8, 8, 0x12, 7, 0x70, 0x79, 0x74],
  ]) {
    const batch = cifarBatch([label, 1]);
    batch.set(pixels, 1);
    expect(await faults({ file: batch })).toEqual([]);
  }
  const label = cifarBatch([1, 10]);
  expect(await faults({ file: label })).toEqual([expect.stringContaining('file is of no known kind')]);
});

describe('as a pair', () => {
  const idx = idxPair([0, 1]);
  const x = encodeNpy([2, 2], new Float32Array(4));
  const y = encodeNpy([2], Int32Array.of(0, 1));
  test.each<[string, Partial<Record<UploadFilePart, Uint8Array>>, string[]]>([
    [
      'a table',
      { inputs: text('a,b\n1,2\n'), targets: text('c\n1\n') },
      ['inputs', 'targets'].map((part) => `${part} is text: send a CSV as the part file, with the target as one of its columns`),
    ],
    [
      'a zip of images',
      { inputs: zip('a/1.png'), targets: y },
      ['inputs is a zip: send it as the part file; inputs and targets are for NPY and IDX arrays'],
    ],
    [
      'an NPZ file',
      { inputs: zip('x.npy', 'y.npy'), targets: y },
      ['inputs is an NPZ file: send it as the part file; inputs and targets are for NPY and IDX arrays'],
    ],
    [
      'an IDX file beside an NPY array',
      { inputs: x, targets: idx.labels },
      ['targets is an IDX array, but the other files are npy: send files of one format'],
    ],
    [
      'a pickle',
      { inputs: x, targets: file([0x80, 4, 0x95]) },
      [
        'targets is a Python pickle: inputs and targets are for NPY and IDX arrays; load it in Python and save its arrays with numpy.savez("data.npz", x=…, y=…)',
      ],
    ],
  ])('%s is refused', async (_, files, messages) => {
    expect(await faults(files)).toEqual(messages);
  });
});

test('a damaged file of a known kind is not treated as a table', async () => {
  expect(await faults({ file: Uint8Array.from([...pngHead, 0, 0, 0, 0]) })).toEqual([
    'file is a PNG image: send images as a zip with one folder per class',
  ]);
  expect(await faults({ file: file('PK', [3, 4]) })).toEqual([expect.stringMatching(/^file cannot be read: /)]);
});
