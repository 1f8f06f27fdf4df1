// Tests what every format of uploads must do. Each format needs a sample here.
import { encodeNpy, suggestedFormats, type UploadFormat, uploadFormatDefinitions, uploadFormats } from '@trainyard/engine/data';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { openImage } from '../../../services/api/src/images/decodeImage.ts';
import { type Files, faults, read } from './arrayFiles.ts';
import { cifarBatch } from './cifarFiles.ts';
import { idxPair } from './idxFiles.ts';
import { plainPng } from './imageFixtures.ts';

const pair = idxPair([0, 1, 1]);

/** Files of each format with three training samples. */
const samples: Readonly<Record<UploadFormat, Files>> = {
  idx: { inputs: pair.images, targets: pair.labels },
  npy: { inputs: encodeNpy([3, 2], new Float32Array(6)), targets: encodeNpy([3], Int32Array.of(0, 1, 1)) },
  cifar: { file: cifarBatch([0, 1, 1]) },
  csv: { file: Buffer.from('a,b,kind\n1,2,cat\n3,4,dog\n5,6,dog\n') },
  images: { file: zipSync({ 'cat/1.png': plainPng(4, 3, 1), 'dog/2.png': plainPng(4, 3, 2), 'dog/3.png': plainPng(4, 3, 3) }) },
};

describe.each(uploadFormats)('the format %s', (name) => {
  test('is recognised by its files, and is read', async () => {
    expect(samples[name], `the format ${name} has no sample`).toBeDefined();
    const { format, splits } = await read(samples[name], {}, { openImage });
    expect([format, splits.train.length, splits.test]).toEqual([name, 3, null]);
  });

  test('is taken if the form names it, and refused if the form names another one', async () => {
    expect((await read(samples[name], { format: name }, { openImage })).format).toBe(name);
    const other = name === 'csv' ? 'images' : 'csv';
    const messages = await faults(samples[name], { format: other });
    expect(messages.join()).toContain(`but the field format is ${other}: remove format`);
  });

  test('is named in the error for an unknown file, which lists the accepted files', async () => {
    const [message] = await faults({ file: Uint8Array.of(0xc0, 0xff, 0x01, 0x02, 0x00, 0x03) });
    const definition = uploadFormatDefinitions.find((format) => format.name === name);
    for (const text of [definition?.file?.shown, definition?.pair]) if (text) expect(message).toContain(text);
  });
});

test('formats have a name and a rank of their own', () => {
  expect(new Set(uploadFormats).size).toBe(uploadFormats.length);
  expect(suggestedFormats.map(({ rank }) => rank)).toEqual(uploadFormats.map((_, index) => index + 1));
});
