// Tests the tar reader with archives from the machine's tar program, and with invalid archives.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { untar } from '../../../packages/engine/src/data/tar.ts';
import { tarGz } from './cifarFiles.ts';

const deep = `${'long-name-'.repeat(6)}/${'deeper-'.repeat(10)}/c`;
let folder: string;
let archive: Uint8Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trainyard-tar-'));
  await mkdir(join(folder, 'set', deep, '..'), { recursive: true });
  await writeFile(join(folder, 'set/a.bin'), Buffer.alloc(1000, 'a'));
  await writeFile(join(folder, 'set/empty'), '');
  await writeFile(join(folder, 'set', deep), 'deep');
  await symlink('/etc/hostname', join(folder, 'set/link'));
  archive = gunzipSync(tarGz(folder, '--format=ustar', 'set'));
});
afterAll(() => rm(folder, { recursive: true }));

test('gives the regular files by their paths, without folders and links', () => {
  const files = untar(archive, 'f');
  expect([...files.keys()].toSorted()).toEqual([`set/${deep}`, 'set/a.bin', 'set/empty'].toSorted());
  expect(Buffer.from(files.get(`set/${deep}`) ?? []).toString()).toBe('deep');
  expect(Buffer.compare(files.get('set/a.bin') ?? Buffer.alloc(0), Buffer.alloc(1000, 'a'))).toBe(0);
  expect(files.get('set/empty')).toHaveLength(0);
});

test('reads an archive in shared memory', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(archive.length));
  shared.set(archive);
  expect(untar(shared, 'f').size).toBe(3);
});

const changed = (change: (copy: Buffer) => void): Uint8Array => {
  const copy = Buffer.from(archive);
  change(copy);
  return copy;
};
const refusal = (message: string): unknown => expect.objectContaining({ code: 'invalidDataFile', message });

test('refuses a header that was changed', () => {
  expect(() =>
    untar(
      changed((copy) => copy.write('x', 0)),
      'f',
    ),
  ).toThrow(expect.objectContaining({ message: expect.stringMatching(/^f: byte 0 should begin a tar header/) as string }));
});

test('refuses a file that is larger than the rest of the archive, and one whose size is not a number', () => {
  const withSize = (size: string) =>
    changed((copy) => {
      copy.write(size, 124, 'latin1');
      const sum = copy.subarray(0, 512).reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
      copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    });
  const left = archive.length - 512;
  expect(() => untar(withSize('77777777777\0'), 'f')).toThrow(
    refusal(`f: the header at byte 0 has the size ${8 ** 11 - 1} bytes, but ${left} follow`),
  );
  expect(() => untar(withSize('-0000000001\0'), 'f')).toThrow(refusal(`f: the header at byte 0 has no readable size, but ${left} follow`));
});

test('refuses an archive that is cut off, and an empty one', () => {
  const end = archive.length;
  const content = archive.findLastIndex((byte) => byte !== 0) + 1;
  const whole = Math.ceil(content / 512) * 512;
  expect(end - whole).toBeGreaterThanOrEqual(1024);
  expect(() => untar(archive.subarray(0, whole), 'f')).toThrow(
    refusal(`f: the archive ends at byte ${whole} without an end mark: it is cut off, or is not a tar archive`),
  );
  expect(() => untar(new Uint8Array(), 'f')).toThrow(
    refusal('f: the archive ends at byte 0 without an end mark: it is cut off, or is not a tar archive'),
  );
});
