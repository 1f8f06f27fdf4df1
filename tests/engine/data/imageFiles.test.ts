// Folders and zips of images, one folder a class: real ones, and ones that are mixed, damaged or built to harm.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ReaderOptions } from '@trainyard/engine';
import { readImageFolder, readImageZip } from '@trainyard/engine/node';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { greyJpeg, plainPng } from './imageFixtures.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'trainyard-images-'));
});
afterEach(() => rm(root, { recursive: true }));

type Files = Readonly<Record<string, Uint8Array>>;
const animals: Files = {
  'dogs/b.png': plainPng(3, 2, 30),
  'cats/2.png': plainPng(3, 2, 20),
  'cats/10.PNG': plainPng(3, 2, 10),
};

async function folderOf(files: Files): Promise<string> {
  const folder = join(root, 'set');
  await mkdir(folder);
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
}

async function zipOf(files: Files, change: (zip: Buffer) => void = () => {}): Promise<string> {
  const zip = Buffer.from(zipSync({ ...files }));
  change(zip);
  await writeFile(join(root, 'set.zip'), zip);
  return join(root, 'set.zip');
}

const refusal = (message: string | RegExp): unknown =>
  expect.objectContaining({
    code: 'invalidDataFile',
    message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
  });

describe.each([
  ['folder', async (files: Files, options?: ReaderOptions) => readImageFolder(await folderOf(files), options), 'set'],
  ['zip', async (files: Files, options?: ReaderOptions) => readImageZip(await zipOf(files), options), 'set.zip'],
] as const)('a %s', (_, read, name) => {
  test('gives its classes and samples in the order of their names', async () => {
    const dataset = await read(animals);
    expect(dataset).toMatchObject({ length: 3, inputShape: [1, 2, 3], target: { kind: 'class', classes: ['cats', 'dogs'] } });
    expect([...dataset.targets]).toEqual([0, 0, 1]);
    expect([...dataset.inputs]).toEqual([10, 20, 30].flatMap((value) => new Array(6).fill(value) as number[]));
    expect(dataset.inputs.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test('gives colours as planes, and JPEG files as PNG files', async () => {
    const dataset = await read({ 'a/1.png': plainPng(2, 1, 1, 2, 3), 'b/1.png': plainPng(2, 1, 4, 5, 6) });
    expect(dataset.inputShape).toEqual([3, 1, 2]);
    expect([...dataset.inputs]).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
  });

  test('may hold one folder that holds all, and what systems leave behind', async () => {
    const dataset = await read({
      'all/a/1.jpg': greyJpeg,
      'all/b/1.png': plainPng(8, 8, 9),
      'all/.DS_Store': Uint8Array.of(1),
      '__MACOSX/all/a/._1.jpg': Uint8Array.of(1),
      'all/a/Thumbs.db': Uint8Array.of(1),
    });
    expect(dataset).toMatchObject({ length: 2, target: { kind: 'class', classes: ['a', 'b'] } });
    expect([dataset.inputs[0], dataset.inputs[64]]).toEqual([200, 9]);
  });

  test.each<[string, Files, string]>([
    ['nothing', {}, ': no images in folders of classes: expected class/name.png or class/name.jpg'],
    ['a file in no folder', { ...animals, '1.png': plainPng(3, 2, 1) }, ': "1.png" is not class/name.png or class/name.jpg'],
    [
      'a file that is no image',
      { ...animals, 'cats/notes.txt': Uint8Array.of(1) },
      ': "cats/notes.txt" is not class/name.png or class/name.jpg',
    ],
    ['a name that lies', { ...animals, 'cats/3.png': Uint8Array.of(1, 2, 3) }, '/cats/3.png: neither a PNG nor a JPEG file'],
    [
      'another size',
      { ...animals, 'dogs/c.png': plainPng(2, 3, 1) },
      `/dogs/c.png is 2×3 grey, but ${name}/cats/10.PNG is 3×2 grey: all images must be alike`,
    ],
    [
      'other channels',
      { ...animals, 'dogs/c.png': plainPng(3, 2, 1, 2, 3) },
      `/dogs/c.png is 3×2 colour, but ${name}/cats/10.PNG is 3×2 grey: all images must be alike`,
    ],
  ])('is refused for %s', async (_case, files, message) => {
    await expect(read(files)).rejects.toThrow(refusal(`${name}${message}`));
  });

  test.each([
    ['files', { files: 2 }, ': 3 files are over the limit of 2'],
    ['pixels', { pixels: 5 }, '/cats/10.PNG: an image of 3×2 has 6 pixels, which is over the limit of 5'],
    ['bytes of a file', { fileBytes: 20 }, /: \d+ bytes are over the limit of 20 for an image file$/],
    ['classes', { classes: 1 }, ': 2 folders of classes are over the limit of 1'],
  ])('is refused for too many %s', async (_case, limits, message) => {
    await expect(read(animals, { limits })).rejects.toThrow(refusal(typeof message === 'string' ? `${name}${message}` : message));
  });

  test('is given up when aborted', async () => {
    await expect(read(animals, { signal: AbortSignal.abort(new Error('cancelled')) })).rejects.toThrow('cancelled');
  });
});

test('a folder with a link is refused, wherever it leads', async () => {
  const folder = await folderOf(animals);
  await symlink('/etc/hostname', join(folder, 'cats', '4.png'));
  await expect(readImageFolder(folder)).rejects.toThrow(refusal('set: "cats/4.png" is no plain file'));
});

test('a folder or zip that is not there is refused without its path', async () => {
  await expect(readImageFolder(join(root, 'none'))).rejects.toThrow(refusal('none cannot be read: ENOENT'));
  await expect(readImageZip(join(root, 'none.zip'))).rejects.toThrow(refusal('none.zip cannot be read: ENOENT'));
});

describe('a zip', () => {
  test('of another program, with entries for its folders, is read', async () => {
    const folder = await folderOf(animals);
    const { status } = spawnSync('zip', ['-q', '-r', join(root, 'made.zip'), '.'], { cwd: folder });
    expect(status).toBe(0);
    expect((await readImageZip(join(root, 'made.zip'))).length).toBe(3);
  });

  test('that is cut off, damaged or none at all is refused', async () => {
    const path = await zipOf(animals);
    const whole = Buffer.from(zipSync({ ...animals }));
    await writeFile(path, whole.subarray(0, whole.length - 30));
    await expect(readImageZip(path)).rejects.toThrow(refusal(/^set\.zip cannot be read: /));
    await writeFile(path, 'no zip');
    await expect(readImageZip(path)).rejects.toThrow(refusal(/^set\.zip cannot be read: /));
  });

  test.each(['../cats/1.png', '/cats/1.png', 'cats/../../1.png', 'cats\\1.png', 'C:/cats/1.png'])(
    'with the path %s is refused',
    async (path) => {
      await expect(zipOf({ ...animals, [path]: plainPng(3, 2, 1) }).then((zip) => readImageZip(zip))).rejects.toThrow(
        refusal(/^set\.zip cannot be read: (absolute path|invalid relative path|invalid characters in fileName)/),
      );
    },
  );

  /** Replaces a number in the central directory, where each entry begins with "PK\x01\x02". */
  const inDirectory = (offset: number, value: number) => (zip: Buffer) => zip.writeUInt32LE(value, zip.indexOf('PK\x01\x02') + offset);

  test('whose file is larger than the zip says is refused, and no more is unpacked', async () => {
    const path = await zipOf({ 'cats/1.png': Buffer.alloc(2 ** 24) }, inDirectory(24, 1000));
    await expect(readImageZip(path)).rejects.toThrow(refusal(/^set\.zip\/cats\/1\.png cannot be read: too many bytes in the stream/));
  });

  test('whose file is smaller than the zip says is refused', async () => {
    const path = await zipOf({ 'cats/1.png': Buffer.alloc(2 ** 16) }, inDirectory(24, 2 ** 17));
    await expect(readImageZip(path)).rejects.toThrow(refusal(/^set\.zip\/cats\/1\.png cannot be read: not enough bytes in the stream/));
  });

  test('that unpacks to more than it may is refused before anything is unpacked', async () => {
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`cats/${i}.png`, Buffer.alloc(2 ** 20)]));
    await expect(readImageZip(await zipOf(files), { limits: { bytes: 2 ** 23 } })).rejects.toThrow(
      refusal('set.zip: its files unpack to more than the limit of 8388608 bytes'),
    );
  });

  test('that is encrypted, or holds a file twice, is refused', async () => {
    const flagged = await zipOf(animals, (zip) => zip.writeUInt16LE(1, zip.indexOf('PK\x01\x02') + 8));
    await expect(readImageZip(flagged)).rejects.toThrow(refusal('set.zip/dogs/b.png: is encrypted'));
    const twice = await zipOf({ 'cats/1.png': plainPng(1, 1, 1), 'cats/2.png': plainPng(1, 1, 1) }, (zip) => {
      zip.write('cats/1.png', zip.lastIndexOf('cats/2.png'));
    });
    await expect(readImageZip(twice)).rejects.toThrow(refusal('set.zip: holds "cats/1.png" twice'));
  });
});
