// Tests uploads of archives with too many entries, pixels or bytes. Each is refused because of its headers, or when reading reaches the limit.
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { plainPng } from '../engine/data/imageFixtures.ts';
import { read, readZip } from './fixtures/archives.ts';

/** Builds a tar (POSIX ustar) of entries without content. @param type of all entries: '5' is a folder, '1' a link */
function tarOfHeaders(paths: readonly string[], type: string): Uint8Array {
  const headers = paths.map((path) => {
    const header = Buffer.alloc(512);
    header.write(path, 0);
    header.write('00000000000', 124);
    header.write(`        ${type}`, 148);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return header;
  });
  return Buffer.concat([...headers, Buffer.alloc(1024)]);
}

test.each([
  ['folders', '5'],
  ['links', '1'],
])('a tar with more %s than the limit of entries is refused', async (_, type) => {
  const paths = Array.from({ length: 8 }, (_each, i) => `folder${i}`);
  await expect(read({ file: tarOfHeaders(paths, type) }, { files: 3, classes: 1 })).rejects.toThrow(
    'file: it has too many entries for the limit of 3 files',
  );
  await expect(read({ file: tarOfHeaders(paths.slice(1), type) }, { files: 3, classes: 1 })).rejects.toThrow(
    'there are no images in class folders',
  );
});

test('a zip with more entries than the limit is refused before the entries are read', async () => {
  const files = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`.hidden/${i}`, Buffer.of(1)]));
  await expect(readZip(files, { files: 3, classes: 1 })).rejects.toThrow('file: 8 files are over the limit of 3');
});

test.each([
  ['folders', `${'a/'.repeat(21)}1.png`],
  ['characters', `cat/${'x'.repeat(1_000)}.png`],
])('a path with too many %s is refused', async (_, path) => {
  await expect(readZip({ [path]: plainPng(1, 1, 1) })).rejects.toThrow('has more than 1000 characters or 20 folders');
});

test('a path with twenty folders is read', async () => {
  const { splits } = await readZip({ [`${'a/'.repeat(20)}1.png`]: plainPng(1, 1, 1) });
  expect(splits.train.length).toBe(1);
});

test('images that together unpack to more bytes than the limit are refused, also if the first one is small', async () => {
  const small: [string, Uint8Array] = ['cat/0.png', plainPng(1, 1, 1)];
  const large = Array.from({ length: 20 }, (_, i): [string, Uint8Array] => [`cat/${i + 1}.png`, plainPng(100, 100, i)]);
  const zip = zipSync(Object.fromEntries(large));
  expect(zip.length).toBeLessThan(50_000);
  await expect(read({ file: zip }, { bytes: 50_000 })).rejects.toThrow(
    'file: 20 samples of shape [1, 100, 100] take 200080 bytes, which is over the limit of 50000: send imageSize, such as imageSize=[100,100]',
  );
  await expect(read({ file: zipSync(Object.fromEntries([small, ...large])) }, { bytes: 50_000 })).rejects.toThrow(
    'file: the images have 2 sizes (width×height): 100×100 (20, such as cat/1.png), 1×1 (1, such as cat/0.png)',
  );
});
