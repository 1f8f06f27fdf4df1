// Gives damaged files to every reader of uploads: files that are cut off at every byte, files with changed bytes, and random bytes. Each
// reader returns a dataset or an error that names the file, quickly and with little memory.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cifarDataset } from '../../../packages/engine/src/data/cifarBinary.ts';
import { type Dataset, targetSize } from '../../../packages/engine/src/data/dataset.ts';
import { DataFormatError } from '../../../packages/engine/src/data/errors.ts';
import { idxDataset } from '../../../packages/engine/src/data/idx.ts';
import { npyDataset } from '../../../packages/engine/src/data/npyDataset.ts';
import { sizeOf } from '../../../packages/engine/src/shape.ts';
import { idxPair } from './idxFiles.ts';
import { readTable } from './readTable.ts';

/** An array [2, 1] of float32 or [2] of int64, as NumPy writes it. */
function npy(descr: '<f4' | '<i8', values: ArrayBufferView): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${descr === '<f4' ? '(2, 1)' : '(2,)'}, }\n`;
  const front = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0);
  return Buffer.concat([front, Buffer.from(header), new Uint8Array(values.buffer)]);
}

interface Format {
  readonly file: Uint8Array;
  read(bytes: Uint8Array): Dataset | Promise<Dataset>;
}

const classes = ['0', '1', '2'];
const pair = idxPair([0, 1, 2]);
const x = npy('<f4', Float32Array.of(1, 2));
const y = npy('<i8', BigInt64Array.of(0n, 1n));
const named = (bytes: Uint8Array) => ({ name: 'f', bytes });
const ofName = (name: string, bytes: Uint8Array) => ({ name, bytes });

const formats: Readonly<Record<string, Format>> = {
  'IDX images': { file: pair.images, read: (bytes) => idxDataset(named(bytes), ofName('labels', pair.labels), classes) },
  'IDX labels': { file: pair.labels, read: (bytes) => idxDataset(ofName('images', pair.images), named(bytes), classes) },
  'CIFAR binary': { file: new Uint8Array(3073), read: (bytes) => cifarDataset([named(bytes)], classes, Number.POSITIVE_INFINITY) },
  'NPY inputs': { file: x, read: (bytes) => npyDataset(named(bytes), ofName('y', y)) },
  'NPY targets': { file: y, read: (bytes) => npyDataset(ofName('x', x), named(bytes)) },
  CSV: { file: Buffer.from('a,"b",c\r\n1,2.5,"x"\r\n-3,4e1,y'), read: async (bytes) => (await readTable(bytes)).train },
};

/** Returns the complete dataset, or null if the file is refused. Any other result fails the test. */
async function outcome(format: Format, bytes: Uint8Array): Promise<Dataset | null> {
  try {
    const dataset = await format.read(bytes);
    expect(dataset.inputs).toHaveLength(dataset.length * sizeOf(dataset.inputShape));
    expect(dataset.targets).toHaveLength(dataset.length * targetSize(dataset.target));
    return dataset;
  } catch (error) {
    if (!(error instanceof DataFormatError)) throw error;
    expect(error.message).toMatch(/\b(f|file)\b/);
    return null;
  }
}

describe.each(Object.entries(formats))('%s', (name, format) => {
  test('are read if they are valid', async () => {
    expect(await outcome(format, format.file)).not.toBeNull();
  });

  test('cut off at any byte are refused', async () => {
    const { length } = format.file;
    for (let end = 0; end < length; end += Math.ceil(length / 700)) {
      const dataset = await outcome(format, format.file.slice(0, end));
      // A table may end after any whole row, or within its last field.
      if (name !== 'CSV') expect(dataset, `cut off at byte ${end}`).toBeNull();
    }
  });

  test('changed anywhere, or followed by noise, are read or refused', async () => {
    const change = fc.record({ at: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const bytes = Uint8Array.from(format.file);
        for (const { at, bytes: written } of changes) bytes.set(written.subarray(0, bytes.length), at % Math.max(1, bytes.length - 8));
        await outcome(format, bytes);
      }),
      { numRuns: 100 },
    );
  });

  test('that are noise, with or without valid first bytes, are read or refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 64 }), fc.uint8Array({ maxLength: 512 }), async (kept, noise) => {
        await outcome(format, Buffer.concat([format.file.subarray(0, kept), noise]));
      }),
      { numRuns: 100 },
    );
  });
});

test('a header of an NPY file that is longer than NumPy itself reads is refused before it is searched', async () => {
  const bytes = new Uint8Array(2 ** 24).fill(0x20);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, 0, 0, 0xff, 0]);
  bytes.set(Buffer.from("{'descr': '<f4', 'fortran_order': False, 'shape': ("), 12);
  await expect(async () => await formats['NPY inputs'].read(bytes)).rejects.toThrow(
    'f: byte 8 gives the header 16711680 bytes, which is over the limit of 10000',
  );
});
