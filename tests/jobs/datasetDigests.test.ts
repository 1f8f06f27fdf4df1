// Tests the digests of dataset files: their values, and that a file is read again only after it has changed.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { DatasetDigests } from '@trainyard/jobs';
import { test as base, expect } from 'vitest';

const hex = (algorithm: string, text: string): string => `${algorithm}:${createHash(algorithm).update(text).digest('hex')}`;
const published = (text: string) =>
  ({ name: 'labels.gz', url: 'https://example.com/labels.gz', bytes: text.length, checksum: hex('md5', text) as `md5:${string}` }) as const;

const test = base.extend('folder', async ({ task: _task }, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-digests-'));
  onCleanup(async () => await rm(folder, { recursive: true }));
  await mkdir(join(folder, 'set'));
  return folder;
});

test('a file has its SHA-256 as digest, and a published file its published checksum, also before it is downloaded', async ({ folder }) => {
  const digests = new DatasetDigests(new NodeDatasetFiles({ folders: [folder], home: join(folder, 'home') }));
  expect(await digests.digest('set', 'labels')).toBeNull();
  expect(await digests.digest('set', published('abc'))).toBe(hex('md5', 'abc'));
  await writeFile(join(folder, 'set', 'labels.gz'), 'abc');
  expect(await digests.digest('set', 'labels')).toBe(hex('sha256', 'abc'));
  expect(await digests.digest('set', published('abc'))).toBe(hex('md5', 'abc'));
  expect(await digests.digest('set', published('abcd'))).toBe(hex('sha256', 'abc'));
  await writeFile(join(folder, 'set', 'labels'), 'unpacked');
  expect(await digests.digest('set', 'labels')).toBe(hex('sha256', 'unpacked'));
});

test('a file is read once for all requests, and again after it has changed', async ({ folder }) => {
  const path = join(folder, 'set', 'labels');
  let stamp = 'first';
  const digests = new DatasetDigests({ locate: () => Promise.resolve({ path, stamp }) });
  await writeFile(path, 'abc');
  const asked = Array.from({ length: 5 }, async () => await digests.digest('set', 'labels'));
  expect(new Set(await Promise.all(asked))).toEqual(new Set([hex('sha256', 'abc')]));
  await writeFile(path, 'changed behind a stamp that says it is not');
  expect(await digests.digest('set', 'labels')).toBe(hex('sha256', 'abc'));
  stamp = 'second';
  await writeFile(path, 'changed');
  expect(await digests.digest('set', 'labels')).toBe(hex('sha256', 'changed'));
});

test('a file that cannot be read gives an error, and is read again at the next request', async ({ folder }) => {
  const path = join(folder, 'set', 'labels');
  const digests = new DatasetDigests({ locate: () => Promise.resolve({ path, stamp: 'one' }) });
  await expect(digests.digest('set', 'labels')).rejects.toMatchObject({ code: 'ENOENT' });
  await writeFile(path, 'abc');
  expect(await digests.digest('set', 'labels')).toBe(hex('sha256', 'abc'));
});
